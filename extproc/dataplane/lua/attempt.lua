-- Runs in every provider cluster's own filter chain, once per attempt, before the credential is
-- put on. It takes the attempt's slot of the plan out of dynamic metadata and makes the request
-- that slot's: path, and the body in the target's dialect. The filter behind it takes out every
-- header that no provider may see. An earlier attempt may have changed the same header map, so each
-- attempt sets all it needs.
--
-- A slot says where each ending leads (`retry_on`, made by extproc/routing/attempts.py):
-- "429>2:a,late>3:b" is "after a 429 slot 2, at account a; not answered in time: slot 3, at account
-- b". What is not listed leads nowhere. Envoy has no such rule. It asks for a cluster by the number
-- of the attempt; so the list of clusters is made to hold the next one alone. And it repeats every
-- attempt that nobody answered; those that the plan does not want are answered here, never sent.
--
-- `envelope.attempts.last` keeps what the next attempt must know of this one. Its `trail` is for
-- the processor (extproc/dataplane/trail.py): "1:503,3:late,4" is "slot 1 answered 503, slot 3 gave
-- no answer in time, slot 4 came last".

local function leads_to(retry_on, ending)
  return retry_on:match(ending .. ">(%d+):([^,]+)")
end

local function send_next_to(metadata, slot, account)
  local cluster = {cluster_name = "account." .. account, weight = 1}
  metadata:set("envelope", "priority_groups", {{name = slot, clusters = {cluster}}})
end

local function keep(metadata, last)
  metadata:set("envelope.attempts", "last", last)
end

local function refuse(handle, status)
  handle:respond({[":status"] = status}, "")
end

-- How an attempt ended that nobody answered. Bytes are counted over all attempts of the request: if
-- the last one added none, its provider has not seen it. Both headers are Envoy's own.
local function silent_ending(headers, last)
  if headers:get("x-envoy-is-timeout-retry") == "true" then return "late" end
  if tonumber(headers:get("x-envelope-sent")) == last.sent then return "unsent" end
  return "broken"
end

-- The slot that follows the attempt before, and the trail to it; or nothing: refused.
local function follow(handle, headers, metadata)
  local last = metadata:get("envelope.attempts").last
  local slot = last.answered
  if slot == "" then
    local ending = silent_ending(headers, last)
    last.trail, slot = last.trail .. ":" .. ending, last.silent
    if leads_to(last.retry_on, ending == "unsent" and "broken" or ending) == nil then
      keep(metadata, last)
      return refuse(handle, ending == "late" and "504" or "502")
    end
  end
  return slot, last.trail .. "," .. slot
end

-- What follows when no answer comes must be settled before: nothing runs here when none does.
local function prepare(headers, metadata, count, trail, retry_on)
  local slot, account = leads_to(retry_on, "late")
  if slot == nil then slot, account = leads_to(retry_on, "broken") end
  -- The processor's own list says as much for the first attempt.
  if slot ~= nil and (count ~= "1" or slot ~= "2") then send_next_to(metadata, slot, account) end
  keep(metadata, {retry_on = retry_on, silent = slot or "", answered = "", trail = trail,
                  sent = tonumber(headers:get("x-envelope-sent")) or 0})
end

local function make(handle)
  local headers = handle:headers()
  local metadata = handle:streamInfo():dynamicMetadata()
  local count = headers:get("x-envoy-attempt-count") or "1"
  local slot, trail = "1", "1"
  if count ~= "1" then
    slot, trail = follow(handle, headers, metadata)
    if slot == nil then return end
  end
  local attempt = metadata:get("envelope.attempt." .. slot)
  if attempt == nil then return refuse(handle, "503") end
  -- Of a plan of one attempt there is nothing to keep: its answer says all.
  if count ~= "1" or attempt.retry_on ~= "" then
    prepare(headers, metadata, count, trail, attempt.retry_on)
  end
  headers:replace(":path", attempt.path)
  headers:remove("anthropic-version")
  if attempt.version ~= nil then headers:add("anthropic-version", attempt.version) end
  if attempt.body ~= nil then
    -- `body()` waits: what was fetched before it is out of scope after it.
    local length = handle:body():setBytes(attempt.body)
    handle:headers():replace("content-length", tostring(length))
  end
end

-- A script that fails would let the request go on as it came (P1).
function envoy_on_request(handle)
  if not pcall(make, handle) then refuse(handle, "503") end
end

-- The router retries exactly the answers that carry this mark (`retriable_headers`): the statuses
-- that this attempt's slot names, no others. Marks from outside are gone by then.
function envoy_on_response(handle)
  local metadata = handle:streamInfo():dynamicMetadata()
  local attempts = metadata:get("envelope.attempts")
  if attempts == nil then return end
  local headers, last = handle:headers(), attempts.last
  local status = headers:get(":status")
  local slot, account = leads_to(last.retry_on, status)
  if slot == nil then return end
  headers:add("x-envelope-retry", "1")
  send_next_to(metadata, slot, account)
  last.answered, last.trail = slot, last.trail .. ":" .. status
  keep(metadata, last)
end
