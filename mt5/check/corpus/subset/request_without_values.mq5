// zero_request: An uninitialized trade request.
void OnTick() { MqlTradeRequest request; MqlTradeResult result = {}; request.volume = 1; Print(OrderSend(request, result)); }
