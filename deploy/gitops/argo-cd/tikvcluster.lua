-- Argo CD: the health of a TiKVCluster of Assent (resource.customizations.health).
-- Suspended: it is watched, and a brake is on. Progressing: PD is coming up. Degraded: nothing can
-- be done there until somebody mends what the message names.
local healthOf = {
  Watching = "Healthy",
  Suspended = "Suspended",
  Halted = "Suspended",
  PDNotReady = "Progressing",
  PDUnreachable = "Degraded",
  PDAnswerUnusable = "Degraded",
  TLSFailed = "Degraded",
  WrongCluster = "Degraded",
  ClusterClaimed = "Degraded",
  GateNotInstalled = "Degraded",
  Forbidden = "Degraded",
}

local status = obj.status or {}
if obj.metadata.deletionTimestamp ~= nil then
  return { status = "Progressing", message = "Being deleted" }
end
if status.state == nil then
  return { status = "Progressing", message = "Assent has not looked at it yet" }
end
if status.observedGeneration ~= obj.metadata.generation then
  return { status = "Progressing", message = "Assent has not looked at the change yet" }
end
local said = status.state
if status.message ~= nil then
  said = said .. ": " .. status.message
end
return { status = healthOf[status.state] or "Unknown", message = said }
