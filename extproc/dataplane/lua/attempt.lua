-- Runs in every provider cluster's own filter chain, once per attempt, before the credential is
-- put on. It takes the attempt's part of the plan out of dynamic metadata and makes the request
-- that attempt's: path, and the body in the target's dialect. The filter behind it takes out every
-- header that no provider may see. An earlier attempt may have changed the same header map, so each
-- attempt sets all it needs.
function envoy_on_request(handle)
  local headers = handle:headers()
  local metadata = handle:streamInfo():dynamicMetadata()
  local count = headers:get("x-envoy-attempt-count") or "1"
  local attempt = metadata:get("envelope.attempt." .. count)
  if attempt == nil then
    handle:respond({[":status"] = "503"}, "")
    return
  end
  headers:replace(":path", attempt.path)
  headers:remove("anthropic-version")
  if attempt.version ~= nil then headers:add("anthropic-version", attempt.version) end
  metadata:set("envelope.retry", "on", attempt.retry_on or "")
  if attempt.body ~= nil then
    -- `body()` waits: what was fetched before it is out of scope after it.
    local length = handle:body():setBytes(attempt.body)
    handle:headers():replace("content-length", tostring(length))
  end
end

-- The router retries exactly the answers that carry this mark (`retriable_headers`): the statuses
-- that this attempt's target names, no others. Marks from outside are gone by then.
function envoy_on_response(handle)
  local headers = handle:headers()
  local mark = handle:streamInfo():dynamicMetadata():get("envelope.retry")
  if mark ~= nil and mark.on ~= "" and string.find(mark.on, headers:get(":status"), 1, true) then
    headers:add("x-envelope-retry", "1")
  end
end
