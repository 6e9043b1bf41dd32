-- The answer's lock. Envoy reads a clean end of the ext_proc stream as "go on without me", on the
-- way back too; an answer that nobody judged must not leave (P1, P5). Stands before ext_proc in the
-- list, hence behind it on the way back.
--
-- The processor stamps what it has judged with dynamic metadata `envelope.answer.seq`: 1 for a
-- whole answer or the head of a stream, then one more for every piece of the stream. A piece that
-- arrives with no new stamp is withheld; the first of them becomes an error event, so that nobody
-- takes the stream for finished. Envoy's own replies carry `x-envelope-local`; their text is fixed.
local TEXT = "The gateway cannot take this request now. Try again shortly."
local OPENAI = '{"error":{"message":"' .. TEXT ..
  '","type":"overloaded_error","code":"overloaded","param":null,"decision_id":"%s"}}'
local ANTHROPIC = '{"type":"error","error":{"type":"overloaded_error","message":"' .. TEXT ..
  '","code":"overloaded"},"request_id":"%s"}'

local GEMINI = '{"error":{"code":503,"message":"' .. TEXT ..
  '","status":"UNAVAILABLE","reason":"overloaded","details":[{"@type":' ..
  '"type.googleapis.com/google.rpc.ErrorInfo","reason":"overloaded","domain":"envelope",' ..
  '"metadata":{"decision_id":"%s"}}]}}'
local BODIES = {openai = OPENAI, anthropic = ANTHROPIC, gemini = GEMINI}

local function begins(path, prefix)
  return path:find(prefix, 1, true) == 1
end

-- Whose paths these are stands in extproc/llm/endpoints.py.
local function family(path)
  if begins(path, "/v1/messages") or begins(path, "/anthropic/") then return "anthropic" end
  if begins(path, "/v1beta/") or begins(path, "/genai/") then return "gemini" end
  if begins(path, "/v1/models/") and path:find(":", 1, true) then return "gemini" end
  return "openai"
end

function envoy_on_request(handle)
  -- Kept for the answer: the header itself is never sent to a provider.
  local headers = handle:headers()
  local metadata = handle:streamInfo():dynamicMetadata()
  metadata:set("envelope.exchange", "decision_id", headers:get("x-envelope-decision-id"))
  metadata:set("envelope.exchange", "family", family(headers:get(":path") or ""))
end

local function seq(handle)
  local stamp = handle:streamInfo():dynamicMetadata():get("envelope.answer")
  if stamp == nil then return 0 end
  return stamp.seq
end

local function refusal(handle)
  local exchange = handle:streamInfo():dynamicMetadata():get("envelope.exchange")
  return string.format(BODIES[exchange.family], exchange.decision_id)
end

local function error_event(handle)
  local exchange = handle:streamInfo():dynamicMetadata():get("envelope.exchange")
  local head = exchange.family == "anthropic" and "\n\nevent: error\ndata: " or "\n\ndata: "
  return head .. refusal(handle) .. "\n\n"
end

local function withhold(handle)
  local headers = handle:headers()
  headers:replace(":status", "503")
  headers:replace("content-type", "application/json")
  headers:remove("content-length")
  handle:body(true):setBytes(refusal(handle))
end

function envoy_on_response(handle)
  local headers = handle:headers()
  if headers:get("x-envelope-local") ~= nil then
    headers:remove("x-envelope-local")
    return
  end
  if seq(handle) == 0 then return withhold(handle) end
  if (headers:get("content-type") or ""):find("text/event-stream", 1, true) ~= 1 then return end
  -- The first piece may be judged before the head passes here: count from the head's own stamp.
  local last, told = 1, false
  for chunk in handle:bodyChunks() do
    local now = seq(handle)
    if now == last and chunk:length() > 0 then
      chunk:setBytes(told and "" or error_event(handle))
      told = true
    end
    last = now
  end
end
