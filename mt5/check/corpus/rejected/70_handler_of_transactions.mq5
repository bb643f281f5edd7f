// 70: OnTradeTransaction without its third parameter.
void OnTradeTransaction(const MqlTradeTransaction &trans, const MqlTradeRequest &request) { Print(trans.deal, request.price); }
