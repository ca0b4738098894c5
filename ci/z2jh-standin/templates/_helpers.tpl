{{- /* Labels that select: `include "standin.selector" (list . "hub")`. Upstream carries an old and a new set. */}}
{{- define "standin.selector" -}}
{{- $root := first . -}}
{{- $component := last . -}}
app: jupyterhub
app.kubernetes.io/name: jupyterhub
release: {{ $root.Release.Name | quote }}
app.kubernetes.io/instance: {{ $root.Release.Name | quote }}
component: {{ $component }}
app.kubernetes.io/component: {{ $component }}
{{- end }}

{{- define "standin.oldSelector" -}}
app: jupyterhub
release: {{ (first .).Release.Name | quote }}
component: {{ last . }}
{{- end }}

{{- define "standin.labels" -}}
{{- $root := first . -}}
{{- $chart := printf "%s-%s" $root.Chart.Name $root.Chart.Version -}}
{{ include "standin.selector" . }}
chart: {{ $chart }}
helm.sh/chart: {{ $chart }}
heritage: {{ $root.Release.Service }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
{{- end }}

{{- /* A secret of the hub: the site's own, else the one that the cluster has, else a new one: `(list . KEY GIVEN)`. */}}
{{- define "standin.secret" -}}
{{- $root := index . 0 -}}
{{- $key := index . 1 -}}
{{- $given := index . 2 -}}
{{- $stored := lookup "v1" "Secret" $root.Release.Namespace "hub" | default dict | dig "data" $key "" | b64dec -}}
{{- $given | default $stored | default (randBytes 32 | b64dec | printf "%x") -}}
{{- end }}

{{- define "standin.authToken" -}}
{{- $given := dig "ConfigurableHTTPProxy" "auth_token" "" .Values.hub.config -}}
{{- include "standin.secret" (list . "hub.config.ConfigurableHTTPProxy.auth_token" $given) -}}
{{- end }}

{{- define "standin.hubServiceAccount" -}}
{{- .Values.hub.serviceAccount.name | default (ternary "hub" "default" .Values.hub.serviceAccount.create) -}}
{{- end }}

{{- define "standin.imagePullSecrets" -}}
{{- $root := first . -}}
{{- with concat $root.Values.imagePullSecrets (last .).pullSecrets -}}
imagePullSecrets:
{{- range . }}
  - {{ if kindIs "string" . }}name: {{ . }}{{ else }}{{ toJson . }}{{ end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "standin.nobody" -}}
runAsNonRoot: true
runAsUser: 65534
runAsGroup: 65534
allowPrivilegeEscalation: false
capabilities:
  drop: [ALL]
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- /* The pods of one component, as a policy names them: `(list . "hub")`. */}}
{{- define "standin.pods" -}}
- podSelector:
    matchLabels:
      {{- include "standin.oldSelector" . | nindent 6 }}
{{- end }}

{{- /* Who may come to a pod: `(list POLICY (dict LABEL PORTS))`, each label opening its ports. */}}
{{- define "standin.ingress" -}}
{{- $policy := first . -}}
{{- with $policy.allowedIngressPorts }}
- ports:
    {{- range . }}
    - port: {{ . }}
    {{- end }}
{{- end }}
{{- range $to, $ports := last . }}
{{- $label := dict "matchLabels" (dict (printf "hub.jupyter.org/network-access-%s" $to) "true") }}
- ports:
    {{- range $ports }}
    - port: {{ . }}
    {{- end }}
  from:
    - podSelector: {{ toJson $label }}
    {{- if eq $policy.interNamespaceAccessLabels "accept" }}
      namespaceSelector: {matchLabels: {}}
    - namespaceSelector: {{ toJson $label }}
    {{- end }}
{{- end }}
{{- with $policy.ingress }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* Where a pod may go besides the hub's own pods: `(list . POLICY)`. */}}
{{- define "standin.egress" -}}
{{- $private := list "10.0.0.0/8" "172.16.0.0/12" "192.168.0.0/16" }}
{{- $metadata := printf "%s/32" (first .).Values.singleuser.cloudMetadata.ip }}
{{- $policy := last . }}
{{- with $policy.egressAllowRules }}
{{- if or .dnsPortsCloudMetadataServer .dnsPortsKubeSystemNamespace .dnsPortsPrivateIPs }}
- ports:
    - {port: 53, protocol: UDP}
    - {port: 53, protocol: TCP}
  to:
    {{- if .dnsPortsCloudMetadataServer }}
    - ipBlock: {cidr: {{ $metadata }}}
    {{- end }}
    {{- if .dnsPortsKubeSystemNamespace }}
    - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}
    {{- end }}
    {{- if .dnsPortsPrivateIPs }}
    {{- range $private }}
    - ipBlock: {cidr: {{ . }}}
    {{- end }}
    {{- end }}
{{- end }}
{{- if .nonPrivateIPs }}
- to:
    - ipBlock: {cidr: 0.0.0.0/0, except: {{ append $private $metadata | toJson }}}
{{- end }}
{{- if .privateIPs }}
- to:
    {{- range $private }}
    - ipBlock: {cidr: {{ . }}}
    {{- end }}
{{- end }}
{{- if .cloudMetadataServer }}
- to:
    - ipBlock: {cidr: {{ $metadata }}}
{{- end }}
{{- end }}
{{- with $policy.egress }}
{{ toYaml . }}
{{- end }}
{{- end }}
