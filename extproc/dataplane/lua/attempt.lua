-- Runs in every provider cluster's own filter chain, once per attempt, before the credential is
-- put on. It takes the attempt's slot of the plan out of dynamic metadata and makes the request
-- that slot's: path, and the body in the target's dialect. The filter behind it takes out every
-- header that no provider may see. An earlier attempt has changed the same header map: what it put
-- there or took away is undone first (`kept`), for it was for its own provider (P4).
--
-- A slot says where each ending leads (`retry_on`, made by extproc/routing/attempts.py):
-- "429>2:a,late>3:b" is "after a 429 slot 2, at account a; not answered in time: slot 3, at account
-- b". What is not listed leads nowhere. Envoy has no such rule. It asks for a cluster by the number
-- of the attempt; so the list of clusters is made to hold the next one alone. And it repeats every
-- attempt that nobody answered; those that the plan does not want are answered here, never sent.
--
-- `envelope.attempts.last` keeps what the next attempt must know of this one. Its `trail` is for
-- the processor (extproc/dataplane/trail.py): "1:429+30,3:late,4" is "slot 1 answered 429 and asked
-- for 30 s of rest, slot 3 gave no answer in time, slot 4 came last".
--
-- A slot with `delay_ms` is another try at the target before it. It waits so long, or as long as
-- that target has asked for where this is no more than REST_S_MAX: who asks for more would refuse
-- any try of this call.

local REST_S_MAX = 10

-- How the message itself is made is Envoy's to say, whatever a plan says.
local FIXED = {
  ["host"] = true, ["content-length"] = true, ["transfer-encoding"] = true, ["connection"] = true,
  ["keep-alive"] = true, ["te"] = true, ["trailer"] = true, ["upgrade"] = true, ["expect"] = true,
}

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

local function changeable(name)
  return not FIXED[name] and name:sub(1, 1) ~= ":"
end

local function undo(headers, kept)
  for name, value in pairs(kept) do
    if value == "" then headers:remove(name) else headers:replace(name, value) end
  end
end

-- Sets and removes what the slot says, then sets what the account says, its key last (`ACCOUNT` and
-- `KEY`, written before this script by extproc/dataplane/clusters.py). Returns what stood there
-- before; a key that is left behind is taken out by the filter behind the next attempt.
local function change(headers, attempt)
  local kept = {}
  local function set(name, value)
    if not changeable(name) then return end
    kept[name] = kept[name] or headers:get(name) or ""
    if value == nil then headers:remove(name) else headers:replace(name, value) end
  end
  for name, value in pairs(attempt.headers or {}) do set(name, value) end
  for _, name in ipairs(attempt.remove or {}) do set(name, nil) end
  for name, value in pairs(ACCOUNT or {}) do set(name, value) end
  if KEY ~= nil then headers:replace(KEY_HEADER, KEY) end
  return kept
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
  undo(headers, last.kept or {})
  return slot, last.trail .. "," .. slot, last.rest_s
end

-- What follows when no answer comes must be settled before: nothing runs here when none does.
local function prepare(headers, metadata, count, trail, retry_on, kept)
  local slot, account = leads_to(retry_on, "late")
  if slot == nil then slot, account = leads_to(retry_on, "broken") end
  -- The processor's own list says as much for the first attempt.
  if slot ~= nil and (count ~= "1" or slot ~= "2") then send_next_to(metadata, slot, account) end
  keep(metadata, {retry_on = retry_on, silent = slot or "", answered = "", trail = trail,
                  kept = next(kept) and kept, rest_s = 0, sent = tonumber(headers:get("x-envelope-sent")) or 0})
end

-- Asks the listener inside (extproc/dataplane/pause.py), which answers so much later.
local function pause(handle, delay_ms, rest_s)
  local ms = delay_ms
  if rest_s <= REST_S_MAX and rest_s * 1000 > ms then ms = rest_s * 1000 end
  if ms <= 0 then return end
  local ask = {[":method"] = "GET", [":path"] = "/", [":authority"] = "envelope",
               ["x-envoy-fault-delay-request"] = string.format("%d", ms)}
  handle:httpCall("envelope.pause", ask, "", ms + 1000)
end

-- Whole seconds that an answer asks for; a date, or nonsense, asks for none.
local function rest_asked(headers)
  local ms = tonumber((headers:get("retry-after-ms") or ""):match("^%d%d?%d?%d?%d?%d?%d?$"))
  if ms ~= nil then return math.ceil(ms / 1000) end
  return tonumber((headers:get("retry-after") or ""):match("^%d%d?%d?%d?%d?$")) or 0
end

local function make(handle)
  local headers = handle:headers()
  local metadata = handle:streamInfo():dynamicMetadata()
  local count = headers:get("x-envoy-attempt-count") or "1"
  local slot, trail, rest_s = "1", "1", 0
  if count ~= "1" then
    slot, trail, rest_s = follow(handle, headers, metadata)
    if slot == nil then return end
  end
  local attempt = metadata:get("envelope.attempt." .. slot)
  if attempt == nil then return refuse(handle, "503") end
  headers:replace(":path", attempt.path)
  headers:remove("anthropic-version")
  local kept = change(headers, attempt)
  -- Of a plan of one attempt there is nothing to keep: its answer says all.
  if count ~= "1" or attempt.retry_on ~= "" then
    prepare(headers, metadata, count, trail, attempt.retry_on, kept)
  end
  local delay_ms, body = attempt.delay_ms, attempt.body
  -- `body()` and a call wait: what was fetched before them is out of scope after them.
  if body ~= nil then
    local length = handle:body():setBytes(body)
    handle:headers():replace("content-length", tostring(length))
  end
  if delay_ms ~= nil then pause(handle, delay_ms, rest_s) end
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
  local rest_s = rest_asked(headers)
  local rest = rest_s > 0 and string.format("+%d", rest_s) or ""
  last.answered, last.trail, last.rest_s = slot, last.trail .. ":" .. status .. rest, rest_s
  keep(metadata, last)
end
