// 83: The result of OrderSend is ignored.
void OnTick() { MqlTradeRequest request = {}; MqlTradeResult result = {}; OrderSend(request, result); }
