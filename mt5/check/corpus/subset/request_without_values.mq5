// zero_request: A trade request that holds whatever was in memory.
void OnTick() { MqlTradeRequest request; MqlTradeResult result = {}; request.volume = 1; Print(OrderSend(request, result)); }
