-- Runs right behind ext_proc on the request. `body()` waits for the whole request, so the headers
-- stay here until ext_proc has answered the body: without it the router would open the provider's
-- connection first (design, fact 1). It also restores content-length, which ext_proc drops when
-- request headers are not sent to it; some providers refuse chunked bodies.
function envoy_on_request(handle)
  local body = handle:body()
  if body ~= nil then
    handle:headers():replace("content-length", tostring(body:length()))
  end
end
