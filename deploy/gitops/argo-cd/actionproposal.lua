-- Argo CD: the health of an ActionProposal of Assent (resource.customizations.health).
-- Suspended: it waits for people, a window or a brake. Progressing: Assent or PD is at work.
-- Healthy: what Git asks for is done. Degraded: it never will be, or a person must look.
-- Written for the libraries that Argo CD opens by itself: no string library.
local healthOf = {
  Suggested = "Suspended",
  Pending = "Suspended",
  Approved = "Suspended",
  Executing = "Progressing",
  RollingBack = "Progressing",
  Active = "Healthy",
  Succeeded = "Healthy",
  Failed = "Degraded",
  Rejected = "Degraded",
  Expired = "Degraded",
  Superseded = "Degraded",
  Cancelled = "Degraded",
  RolledBack = "Degraded",
  RollbackFailed = "Degraded",
  OutcomeUnknown = "Degraded",
}
-- Phases in which the spec may still change, so that the status may be about an older one.
local open = { Suggested = true, Pending = true, Approved = true }
-- Ends after which the file in Git asks for something that will not come.
local over = { Failed = true, Rejected = true, Expired = true, Superseded = true, Cancelled = true, RolledBack = true }

local status = obj.status or {}
local phase = status.phase
if obj.metadata.deletionTimestamp ~= nil then
  return { status = "Progressing", message = "Being deleted" }
end
if phase == nil then
  return { status = "Progressing", message = "Assent has not looked at it yet" }
end
if open[phase] and status.observedGeneration ~= obj.metadata.generation then
  return { status = "Progressing", message = "Assent has not looked at the change yet" }
end
local said = phase
if status.reason ~= nil then
  said = said .. " (" .. status.reason .. ")"
end
if status.message ~= nil then
  said = said .. ": " .. status.message
end
if over[phase] then
  said = said .. ". Take its file out of Git, or file a new one under another name."
end
return { status = healthOf[phase] or "Unknown", message = said }
