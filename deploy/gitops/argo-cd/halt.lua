-- Argo CD: the health of a Halt of Assent (resource.customizations.health).
-- While it exists every call waits, so it is never Healthy: the Application should show it.
if obj.metadata.deletionTimestamp ~= nil then
  return { status = "Progressing", message = "Being deleted" }
end
local why = ""
if obj.spec ~= nil and obj.spec.reason ~= nil then
  why = ": " .. obj.spec.reason
end
return { status = "Suspended", message = "Assent calls no PD while this exists" .. why }
