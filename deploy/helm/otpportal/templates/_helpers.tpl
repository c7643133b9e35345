{{/* The name of all objects: the release's, with the chart's name unless it contains it. At most 63 characters, as in DNS. */}}
{{- define "otpportal.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Labels that never change. Deployments, Services and policies select pods by them. */}}
{{- define "otpportal.selectorLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "otpportal.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "otpportal.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "otpportal.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (include "otpportal.fullname" .) -}}
{{- end -}}

{{- define "otpportal.secretName" -}}
{{- .Values.existingSecret.name | default (include "otpportal.fullname" .) -}}
{{- end -}}

{{/* The names of all secret settings, as a JSON list. */}}
{{- define "otpportal.secretKeys" -}}
{{- if .Values.existingSecret.name -}}
{{- .Values.existingSecret.keys | sortAlpha | toJson -}}
{{- else -}}
{{- keys .Values.secrets | sortAlpha | toJson -}}
{{- end -}}
{{- end -}}

{{/* Fails with a clear message where the portal could not start, or would lose sign-ins. */}}
{{- define "otpportal.check" -}}
{{- $secrets := include "otpportal.secretKeys" . | fromJsonArray -}}
{{- if not (has "AUTH_SECRET_KEY" $secrets) -}}
{{- fail "AUTH_SECRET_KEY is required in secrets, or in existingSecret.keys." -}}
{{- end -}}
{{- $redis := or (hasKey .Values.settings "REDIS_URL_OTP") (has "REDIS_URL_OTP" $secrets) -}}
{{- if and (not $redis) (or .Values.autoscaling.enabled (gt (int .Values.replicaCount) 1)) -}}
{{- fail "Several replicas need Redis: set REDIS_URL_OTP and REDIS_URL_AUTH in secrets, or replicaCount to 1." -}}
{{- end -}}
{{- if and (not $redis) (not .Values.persistence.enabled) -}}
{{- fail "Without Redis, sign-ins are lost when the pod restarts: set REDIS_URL_OTP and REDIS_URL_AUTH in secrets, or persistence.enabled to true." -}}
{{- end -}}
{{- range $name := list "PORT" "BIND_ADDRESS" "DATA_DIR" "ASPNETCORE_ENVIRONMENT" -}}
{{- if hasKey $.Values.settings $name -}}
{{- fail (printf "The chart sets %s. Remove it from settings." $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
