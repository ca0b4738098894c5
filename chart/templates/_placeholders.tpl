{{- /*
  Whoever renders without the cluster gives zeros in the place of each secret, and names the Secret with the real ones:
  docs/gitops.md. Prints one line per problem, as _checks.tpl does.
*/}}
{{- define "coursehub.problems.placeholders" -}}
{{- $hub := .Values.jupyterhub.hub }}
{{- $proxy := "hub.config.ConfigurableHTTPProxy.auth_token" }}
{{- $given := dict
  $proxy (dig "ConfigurableHTTPProxy" "auth_token" "" $hub.config)
  "hub.config.JupyterHub.cookie_secret" (dig "JupyterHub" "cookie_secret" "" $hub.config)
  "hub.config.CryptKeeper.keys" (dig "CryptKeeper" "keys" list $hub.config | default list | join "") }}
{{- range $name, $service := $hub.services }}
{{- $given = set $given (printf "hub.services.%s.apiToken" $name) (get ($service | default dict) "apiToken" | default "") }}
{{- end }}
{{- $zeros := list }}
{{- range $key, $value := $given }}
{{- if regexMatch "^\\s*0+\\s*$" (toString $value) }}{{ $zeros = append $zeros $key }}{{ end }}
{{- end }}
{{- if $zeros }}
{{- if not $hub.existingSecret }}
- jupyterhub.hub.existingSecret: none is given, and zeros stand for {{ $zeros | sortAlpha | join ", " }}; write coursehub-secrets, and let `coursehub secrets apply` make it.
{{- end }}
{{- range $key := keys $given | sortAlpha }}
{{- if not (get $given $key) }}
- jupyterhub.{{ $key }}: none is given, and without the cluster each render would make another; write {{ ternary "a list of 64 zeros" "64 zeros" (hasSuffix ".keys" $key) }} as for the others, and run `coursehub secrets apply` again.
{{- end }}
{{- end }}
{{- with .Values.storage.provisioner }}
{{- if not (or .existingSecret .url) }}
- storage.provisioner.existingSecret: without the cluster each render would make another token; write true, and run `coursehub secrets apply` again.
{{- end }}
{{- end }}
{{- if has $proxy $zeros }}
{{- $env := dig "proxy" "chp" "extraEnv" dict .Values.jupyterhub }}
{{- $env = kindIs "map" $env | ternary $env dict }}
{{- $from := get $env "COURSEHUB_PROXY_TOKEN" }}
{{- $from = kindIs "map" $from | ternary $from dict | dig "valueFrom" "secretKeyRef" dict }}
{{- $reads := regexMatch "env[.]COURSEHUB_PROXY_TOKEN.*[.]test.*process[.]exit.*env[.]CONFIGPROXY_AUTH_TOKEN=" (get $env "NODE_OPTIONS" | toString) }}
{{- if not (and $reads (eq (get $from "name") ($hub.existingSecret | default "")) (eq (get $from "key") $proxy) (not $from.optional)) }}
- jupyterhub.proxy.chp.extraEnv: zeros stand for {{ $proxy }}, and the proxy would serve with them; take COURSEHUB_PROXY_TOKEN and NODE_OPTIONS from docs/examples/gitops/placeholders.yaml, with the name of jupyterhub.hub.existingSecret.
{{- end }}
{{- end }}
{{- end }}
{{- range list (include "jupyterhub.hub.fullname" .Subcharts.jupyterhub) "coursehub-provisioner" "coursehub-ldap" }}
{{- if eq . ($hub.existingSecret | default "") }}
- jupyterhub.hub.existingSecret: {{ . }} is a Secret of this chart's own, with other keys; write another name, such as coursehub-secrets.
{{- end }}
{{- end }}
{{- range $part, $env := dict "hub" $hub.extraEnv "proxy.chp" (dig "proxy" "chp" "extraEnv" dict .Values.jupyterhub) }}
{{- if has "CONFIGPROXY_AUTH_TOKEN" (concat (kindIs "map" $env | ternary (keys ($env | default dict)) list) (include "coursehub.variables" $env | fromJsonArray)) }}
- jupyterhub.{{ $part }}.extraEnv: CONFIGPROXY_AUTH_TOKEN is one that upstream names itself, and a server-side apply (helm 4, Flux, Argo CD) refuses two of one name; take it out, and for a token in a Secret of yours see docs/gitops.md.
{{- end }}
{{- end }}
{{- end }}

{{- /* The names in a list or map of variables, whatever the keys of the map are. */}}
{{- define "coursehub.variables" -}}
{{- $names := list }}
{{- range . }}
{{- if kindIs "map" . }}{{ $names = append $names (get . "name") }}{{ end }}
{{- end }}
{{- toJson $names }}
{{- end }}
