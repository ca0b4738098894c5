{{- define "coursehub.labels" -}}
app.kubernetes.io/name: coursehub
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version | replace "+" "_" }}
{{- end }}

{{- /* PersistentVolumes have no namespace, so the name carries it. */}}
{{- define "coursehub.volume" -}}
{{ .Release.Namespace }}-coursehub-storage
{{- end }}
