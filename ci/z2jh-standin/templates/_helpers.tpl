{{- /* The labels by which upstream's selectors find a part; the scope has its name as componentLabel. */}}
{{- define "jupyterhub.matchLabels" -}}
component: {{ .componentLabel }}
app: {{ include "standin.app" . | quote }}
release: {{ .Release.Name | quote }}
{{- end }}

{{- define "standin.app" -}}
{{ .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "standin.oldSelector" -}}
{{ include "jupyterhub.matchLabels" (merge (dict "componentLabel" (last .)) (first .)) }}
{{- end }}

{{- /* The labels of a pod: `include "standin.selector" (list . "hub")`. Upstream carries an old and a new set. */}}
{{- define "standin.selector" -}}
{{ include "standin.oldSelector" . }}
app.kubernetes.io/name: {{ include "standin.app" (first .) | quote }}
app.kubernetes.io/instance: {{ (first .).Release.Name | quote }}
app.kubernetes.io/component: {{ last . }}
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
{{- $stored := lookup "v1" "Secret" $root.Release.Namespace (include "jupyterhub.hub.fullname" $root) | default dict | dig "data" $key "" | b64dec -}}
{{- $given | default $stored | default (randBytes 32 | b64dec | printf "%x") -}}
{{- end }}

{{- define "standin.authToken" -}}
{{- $given := dig "ConfigurableHTTPProxy" "auth_token" "" .Values.hub.config -}}
{{- include "standin.secret" (list . "hub.config.ConfigurableHTTPProxy.auth_token" $given) -}}
{{- end }}

{{- /* As JSON, the Secrets for a pod's image: `(dict "root" . "image" .Values.hub.image)`; nothing where there are none. */}}
{{- define "jupyterhub.imagePullSecrets" -}}
{{- $values := .root.Values }}
{{- $secrets := concat .image.pullSecrets $values.imagePullSecrets }}
{{- with $values.imagePullSecret }}
{{- if and .create .automaticReferenceInjection }}
{{- $secrets = append $secrets (include "jupyterhub.image-pull-secret.fullname" $.root) }}
{{- end }}
{{- end }}
{{- $named := list }}
{{- range $secrets | uniq }}{{ $named = append $named (kindIs "string" . | ternary (dict "name" .) .) }}{{ end }}
{{- with $named }}{{ toJson . }}{{ end }}
{{- end }}

{{- define "jupyterhub.dockerconfigjson" -}}
{{- with .Values.imagePullSecret }}
{{- $login := dict "username" .username "password" .password "auth" (printf "%s:%s" .username .password | b64enc) }}
{{- with .email }}{{ $login = set $login "email" . }}{{ end }}
{{- dict "auths" (dict (.registry | default "https://index.docker.io/v1/") $login) | toJson | b64enc }}
{{- end }}
{{- end }}

{{- /* Where pods that everybody needs may and would rather run. */}}
{{- define "jupyterhub.coreAffinity" -}}
{{- $match := .Values.scheduling.corePods.nodeAffinity.matchNodePurpose }}
{{- $core := dict "matchExpressions" (list (dict "key" "hub.jupyter.org/node-purpose" "operator" "In" "values" (list "core"))) }}
{{- $affinity := dict }}
{{- if eq $match "require" }}
{{- $affinity = dict "requiredDuringSchedulingIgnoredDuringExecution" (dict "nodeSelectorTerms" (list $core)) }}
{{- else if eq $match "prefer" }}
{{- $affinity = dict "preferredDuringSchedulingIgnoredDuringExecution" (list (dict "weight" 100 "preference" $core)) }}
{{- end }}
{{- with $affinity }}
{{- dict "affinity" (dict "nodeAffinity" .) | toYaml }}
{{- end }}
{{- end }}

{{- /* Where a pod of upstream's may run: `(list . TOLERATIONS)`. */}}
{{- define "standin.core" -}}
{{- with concat (first .).Values.scheduling.corePods.tolerations (last .) }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{ include "jupyterhub.coreAffinity" (first .) }}
{{- end }}

{{- define "standin.imagePullSecrets" -}}
{{- with include "jupyterhub.imagePullSecrets" (dict "root" (first .) "image" (last .)) -}}
imagePullSecrets: {{ . }}
{{- end }}
{{- end }}

{{- /* Variables of a site's own, of texts or of what has a `valueFrom`. */}}
{{- define "standin.extraEnv" -}}
{{- range $name, $value := . }}
- {{ kindIs "map" $value | ternary $value (dict "value" $value) | merge (dict "name" $name) | toYaml | nindent 2 | trim }}
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
