-- Runs right behind ext_proc on the request. `body()` waits for the whole request, so the headers
-- stay here until ext_proc has answered the body: without it the router would open the provider's
-- connection first. It also restores content-length, which ext_proc drops when request headers are
-- not sent to it (some providers refuse chunked bodies), and puts on the headers that the verdict
-- asks for: trace context, the number of retries, and the deadline of the whole call
-- (`x-envoy-upstream-rq-timeout-ms`: the router reads it and takes it off, over all attempts).
function envoy_on_request(handle)
  local body = handle:body()
  local headers = handle:headers()
  if body ~= nil then headers:replace("content-length", tostring(body:length())) end
  local wanted = handle:streamInfo():dynamicMetadata():get("envelope.request")
  if wanted == nil then return end
  for name, value in pairs(wanted) do headers:replace(name, value) end
end
