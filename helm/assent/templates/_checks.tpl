{{- /* What values.schema.json cannot say: relations between values. */ -}}
{{- define "assent.checks" -}}
{{- if ge (float64 .Values.lease.renewDeadlineSeconds) (float64 .Values.lease.durationSeconds) }}
{{- fail "lease.renewDeadlineSeconds must be less than lease.durationSeconds: a leader must stop before another may start" }}
{{- end }}
{{- if ge (mulf .Values.lease.retryPeriodSeconds 1.2) (float64 .Values.lease.renewDeadlineSeconds) }}
{{- fail "lease.retryPeriodSeconds x 1.2 must be less than lease.renewDeadlineSeconds" }}
{{- end }}
{{- if lt (subf .Values.lease.renewDeadlineSeconds .Values.lease.retryPeriodSeconds) 5.0 }}
{{- fail "lease.renewDeadlineSeconds must be 5 more than lease.retryPeriodSeconds: a call to PD must fit before the deadline" }}
{{- end }}
{{- end }}
