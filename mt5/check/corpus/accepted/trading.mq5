// Requests, deals, sessions and bars.
void OnTradeTransaction(const MqlTradeTransaction &trans, const MqlTradeRequest &request, const MqlTradeResult &result)
  {
   if(trans.type == TRADE_TRANSACTION_DEAL_ADD && request.magic > 0)
      Print(trans.deal, " ", result.retcode);
  }
ENUM_ORDER_TYPE_FILLING Filling(const string symbol)
  {
   long modes = SymbolInfoInteger(symbol, SYMBOL_FILLING_MODE);
   return (modes & SYMBOL_FILLING_FOK) != 0 ? ORDER_FILLING_FOK : ORDER_FILLING_RETURN;
  }
void OnTick()
  {
   MqlTradeRequest request = {};
   MqlTradeResult result = {0};
   request.action = TRADE_ACTION_DEAL;
   request.symbol = _Symbol;
   request.type = ORDER_TYPE_BUY;
   request.volume = SymbolInfoDouble(_Symbol, SYMBOL_VOLUME_MIN);
   request.price = SymbolInfoDouble(_Symbol, request.type == ORDER_TYPE_BUY ? SYMBOL_ASK : SYMBOL_BID);
   request.type_filling = Filling(_Symbol);
   double bid = 0;
   MqlTick tick;
   if(!SymbolInfoDouble(_Symbol, SYMBOL_BID, bid) || !SymbolInfoTick(_Symbol, tick))
      return;
   if(!OrderSend(request, result) || result.retcode != TRADE_RETCODE_DONE)
      Print(result.retcode, " ", GetLastError(), " ", tick.ask - bid);
   datetime from = 0;
   datetime to = 0;
   for(int day = 0; day < 7; day++)
      if(SymbolInfoSessionTrade(_Symbol, (ENUM_DAY_OF_WEEK)day, 0, from, to))
         Print((long)from, "-", (long)to);
   MqlRates rates[];
   int got = CopyRates(_Symbol, PERIOD_M1, (datetime)(TimeCurrent() - 3600), TimeCurrent(), rates);
   for(int k = 0; k < got; k++)
      Print(rates[k].close, " ", (double)rates[k].tick_volume);
  }
