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
