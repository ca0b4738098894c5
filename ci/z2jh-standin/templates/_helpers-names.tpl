{{- /*
  The names of upstream's objects, by the templates that it has for charts around it. Each takes this chart's own scope,
  which a chart around it knows as .Subcharts.jupyterhub.
*/}}
{{- define "jupyterhub.fullname" -}}
{{- if kindIs "string" .Values.fullnameOverride }}{{ .Values.fullnameOverride }}
{{- else }}
{{- $name := .Values.nameOverride | default .Chart.Name }}
{{- contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) }}
{{- end }}
{{- end }}

{{- /* A part's name, behind that of all where there is one: `(list . "hub")`. */}}
{{- define "standin.name" -}}
{{- list (include "jupyterhub.fullname" (first .)) (last .) | compact | join "-" }}
{{- end }}

{{- define "jupyterhub.hub.fullname" -}}{{ include "standin.name" (list . "hub") }}{{- end }}
{{- define "jupyterhub.hub-pvc.fullname" -}}{{ include "standin.name" (list . "hub-db-dir") }}{{- end }}
{{- define "jupyterhub.proxy.fullname" -}}{{ include "standin.name" (list . "proxy") }}{{- end }}
{{- define "jupyterhub.proxy-api.fullname" -}}{{ include "standin.name" (list . "proxy-api") }}{{- end }}
{{- define "jupyterhub.proxy-public.fullname" -}}{{ include "standin.name" (list . "proxy-public") }}{{- end }}
{{- define "jupyterhub.singleuser.fullname" -}}{{ include "standin.name" (list . "singleuser") }}{{- end }}
{{- define "jupyterhub.continuous-image-puller.fullname" -}}{{ include "standin.name" (list . "continuous-image-puller") }}{{- end }}
{{- define "jupyterhub.image-pull-secret.fullname" -}}{{ include "standin.name" (list . "image-pull-secret") }}{{- end }}
{{- define "jupyterhub.ingress.fullname" -}}{{ include "jupyterhub.fullname" . | default "jupyterhub" }}{{- end }}

{{- define "jupyterhub.hub-serviceaccount.fullname" -}}
{{- $made := ternary (include "jupyterhub.hub.fullname" .) "default" .Values.hub.serviceAccount.create }}
{{- .Values.hub.serviceAccount.name | default $made }}
{{- end }}

{{- define "jupyterhub.hub-existing-secret.fullname" -}}{{ .Values.hub.existingSecret | default "" }}{{- end }}
