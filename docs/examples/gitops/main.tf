# For Terraform or OpenTofu with the providers hashicorp/kubernetes and hashicorp/helm.
locals {
  version = "VERSION" # the chart's
}

resource "kubernetes_namespace_v1" "coursehub" {
  metadata {
    name   = "coursehub"
    labels = { "pod-security.kubernetes.io/enforce" = "restricted" }
  }
}

resource "helm_release" "coursehub" {
  name       = "coursehub"
  namespace  = kubernetes_namespace_v1.coursehub.metadata[0].name
  repository = "oci://registry.example.edu/charts"
  chart      = "coursehub"
  version    = local.version
  values = [
    file("placeholders.yaml"),
    file("site.yaml"),
    file("courses.yaml"),
    yamlencode({ jupyterhub = { hub = { image = { tag = local.version } } } }),
  ]
}
