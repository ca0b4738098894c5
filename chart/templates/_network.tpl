{{- /* The DNS servers of the cluster, as rules of egress: what all that asks for names may reach. */}}
{{- define "coursehub.dnsRules" -}}
{{- $rules := list }}
{{- range .Values.network.dns }}
{{- if . }}
{{- $ports := list }}
{{- range $port := .ports }}
{{- range list "UDP" "TCP" }}{{ $ports = append $ports (dict "port" $port "protocol" .) }}{{ end }}
{{- end }}
{{- $rules = append $rules (dict "to" .to "ports" $ports) }}
{{- end }}
{{- end }}
{{- toYaml $rules }}
{{- end }}

{{- /* To the hub, as a rule of egress. */}}
{{- define "coursehub.hubRule" -}}
- to:
    - podSelector:
        matchLabels:
          component: hub
          release: {{ .Release.Name | quote }}
  ports:
    - {port: 8081, protocol: TCP}
{{- end }}

{{- /* To TCP ports at every address, as a rule of egress. Without addresses: some plugins count no node among them. */}}
{{- define "coursehub.everywhereRule" -}}
{{- $ports := list }}
{{- range . }}{{ $ports = append $ports (dict "port" (int .) "protocol" "TCP") }}{{ end }}
{{- with $ports }}{{ list (dict "ports" (uniq .)) | toYaml }}{{ end }}
{{- end }}

{{- /*
  The bits that all addresses of a range begin with, after the family: 4:00001010 of 10.0.0.0/8. So a range holds another
  where its bits begin the other's. Nothing where the text is no range, has bits behind its length, or has addresses of
  IPv4 in the form of IPv6.
*/}}
{{- define "coursehub.bits" -}}
{{- $byte := "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])" }}
{{- $groups := "([0-9a-f]{1,4}(:[0-9a-f]{1,4})*)?" }}
{{- $text := lower . }}
{{- $family := "" }}
{{- $bits := "" }}
{{- if regexMatch (printf "^%s([.]%s){3}/(3[0-2]|[12]?[0-9])$" $byte $byte) $text }}
{{- $family = "4" }}
{{- range splitList "/" $text | first | splitList "." }}{{ $bits = printf "%s%08b" $bits (atoi .) }}{{ end }}
{{- else if regexMatch (printf "^%s(::%s)?/(12[0-8]|1[01][0-9]|[1-9]?[0-9])$" $groups $groups) $text }}
{{- $halves := list }}
{{- range splitList "/" $text | first | splitList "::" }}{{ $halves = append $halves (splitList ":" . | compact) }}{{ end }}
{{- $given := concat (first $halves) (rest $halves | first | default list) }}
{{- $missing := sub 8 (len $given) | int }}
{{- if ternary (ge $missing 1) (eq $missing 0) (contains "::" $text) }}
{{- $all := concat (first $halves) (ternary (splitList "," (trimSuffix "," (repeat $missing "0,"))) list (gt $missing 0)) (rest $halves | first | default list) }}
{{- $nibbles := dict "0" "0000" "1" "0001" "2" "0010" "3" "0011" "4" "0100" "5" "0101" "6" "0110" "7" "0111" "8" "1000" "9" "1001" "a" "1010" "b" "1011" "c" "1100" "d" "1101" "e" "1110" "f" "1111" }}
{{- range $all }}
{{- range splitList "" (printf "%s%s" (repeat (sub 4 (len .) | int) "0") .) }}{{ $bits = printf "%s%s" $bits (get $nibbles .) }}{{ end }}
{{- end }}
{{- if not (regexMatch "^0{80}1{16}" $bits) }}{{ $family = "6" }}{{ end }}
{{- end }}
{{- end }}
{{- if $family }}
{{- $length := splitList "/" $text | last | atoi }}
{{- if not (contains "1" (substr $length (len $bits) $bits)) -}}
{{ $family }}:{{ substr 0 $length $bits }}
{{- end }}
{{- end }}
{{- end }}

{{- /* The range of an address; nothing where the text is none. */}}
{{- define "coursehub.bitsOfAddress" -}}
{{- include "coursehub.bits" (printf "%s/32" .) }}{{ include "coursehub.bits" (printf "%s/128" (. | trimPrefix "[" | trimSuffix "]")) }}
{{- end }}

{{- /*
  What network.egress never opens by a wider block: network.campus, the file server and the gradebooks' databases; from each
  range to its bits.
*/}}
{{- define "coursehub.closed" -}}
{{- $closed := dict }}
{{- range .Values.network.campus }}{{ $closed = set $closed . (include "coursehub.bits" .) }}{{ end }}
{{- range dig "gradebooks" "to" list .Values.network | default list }}
{{- with (.ipBlock | default dict).cidr }}{{ $closed = set $closed . (include "coursehub.bits" .) }}{{ end }}
{{- end }}
{{- with (.Values.storage.nfs | default dict).server }}
{{- $bits := include "coursehub.bitsOfAddress" . }}
{{- if $bits }}
{{- $closed = set $closed (printf "%s/%d" (. | trimPrefix "[" | trimSuffix "]") (ternary 32 128 (hasPrefix "4" $bits))) $bits }}
{{- end }}
{{- end }}
{{- toYaml $closed }}
{{- end }}

{{- /*
  network.egress without what is closed: each block gets an exception for what lies inside it. A block that lies inside a
  closed range stays, since somebody wrote it for that; blocks of IPv6 wait until network.campus has a range of it, where
  they are shorter than /16 and not of private addresses.
*/}}
{{- define "coursehub.egress" -}}
{{- $closed := include "coursehub.closed" . | fromYaml }}
{{- $six := false }}
{{- range .Values.network.campus }}{{ if hasPrefix "6" (get $closed .) }}{{ $six = true }}{{ end }}{{ end }}
{{- $rules := list }}
{{- range $rule := .Values.network.egress }}
{{- $peers := list }}
{{- range $peer := $rule.to }}
{{- if not $peer.ipBlock }}
{{- $peers = append $peers $peer }}
{{- else }}
{{- $block := include "coursehub.bits" (toString $peer.ipBlock.cidr) }}
{{- if or $six (gt (len $block) 17) (not (hasPrefix "6:" $block)) (hasPrefix "6:1111110" $block) }}
{{- $except := $peer.ipBlock.except | default list }}
{{- $held := list }}
{{- range $except }}{{ $held = append $held (include "coursehub.bits" .) }}{{ end }}
{{- range $range, $bits := $closed }}
{{- $inside := and (ne $bits $block) (hasPrefix $block $bits) }}
{{- range $held }}{{ if hasPrefix . $bits }}{{ $inside = false }}{{ end }}{{ end }}
{{- if $inside }}{{ $except = append $except $range }}{{ end }}
{{- end }}
{{- $ipBlock := dict "cidr" $peer.ipBlock.cidr }}
{{- if $except }}{{ $ipBlock = set $ipBlock "except" $except }}{{ end }}
{{- $peers = append $peers (dict "ipBlock" $ipBlock) }}
{{- end }}
{{- end }}
{{- end }}
{{- if $peers }}{{ $rules = append $rules (merge (dict "to" $peers) $rule) }}{{ end }}
{{- end }}
{{- toYaml $rules }}
{{- end }}

{{- /* Of ports that the hub may reach at every address: what is wrong with each. */}}
{{- define "coursehub.closedPorts" -}}
"53": "names go by network.dns alone"
"80": clouds tell a machine's own keys there
"111": it is the file server's
"2049": it is the file server's
"2379": it is etcd's
"2380": it is etcd's
"10250": it is the nodes' own
"10255": it is the nodes' own
"20048": it is the file server's
{{- end }}

{{- /* Of ports above 1023 and those that are closed: at which something else than a DNS listens. */}}
{{- define "coursehub.otherPorts" -}}
{{- $others := include "coursehub.closedPorts" "" | fromYaml }}
{{- range concat (list 443 6443 8443 16443) (dig "apiServer" "ports" list .Values.network) }}
{{- $others = set $others (toString .) (get $others (toString .) | default "it is the API server's") }}
{{- end }}
{{- range list 8000 8001 8080 8081 8888 }}{{ $others = set $others (toString .) "it is this chart's own" }}{{ end }}
{{- omit $others "53" | toYaml }}
{{- end }}

{{- /* The ports of all addresses in a text: those that they name, or else their scheme's; none of those that are closed. */}}
{{- define "coursehub.portsOf" -}}
{{- $closed := include "coursehub.closedPorts" "" | fromYaml }}
{{- $known := dict "https" 443 "wss" 443 "ldap" 389 "ldaps" 636 "postgres" 5432 "postgresql" 5432 "mysql" 3306 "mariadb" 3306 }}
{{- $ports := list }}
{{- range regexFindAll "[A-Za-z][A-Za-z0-9+.-]*://[^/\"\\\\ ,?#]+" . -1 }}
{{- $scheme := regexFind "^[A-Za-z0-9]+" . | lower }}
{{- $host := regexReplaceAll "^.*(@|://)" . "" }}
{{- $port := regexFind ":[0-9]+$" $host | trimPrefix ":" | default (get $known $scheme) | toString | atoi }}
{{- if and (ge $port 1) (le $port 65535) (not (hasKey $closed (toString $port))) }}{{ $ports = append $ports $port }}{{ end }}
{{- end }}
{{- toJson $ports }}
{{- end }}

{{- /*
  The ports that the hub reaches at every address: those that are given, and those of the addresses that its values name,
  but its own. A port beside a host counts as an address.
*/}}
{{- define "coursehub.hubPorts" -}}
{{- $hub := .Values.jupyterhub.hub }}
{{- $own := omit (get $hub.config "JupyterHub" | default dict) "subdomain_host" }}
{{- $config := set (omit $hub.config "JupyterHub") "JupyterHub" $own }}
{{- $named := list .Values.identity.ldap .Values.usage.prometheus .Values.storage.provisioner.url $config $hub.services (get $hub.db "url") }}
{{- range $class, $keys := $hub.config }}
{{- if and (hasSuffix "Authenticator" $class) (kindIs "map" $keys) }}
{{- range $key, $value := $keys }}
{{- if regexMatch "(^|_)port$" $key }}{{ $named = append $named (printf "tcp://%s:%v" $key $value) }}{{ end }}
{{- end }}
{{- end }}
{{- end }}
{{- $ports := concat (dig "apiServer" "ports" list .Values.network) (dig "hub" "ports" list .Values.network) }}
{{- $ports = concat $ports (toJson $named | include "coursehub.portsOf" | fromJsonArray) }}
{{- with get (dict "postgres" 5432 "mysql" 3306) $hub.db.type }}{{ $ports = append $ports . }}{{ end }}
{{- toJson $ports }}
{{- end }}
