// 252: A structure is cast to a number.
void OnTick() { MqlTick tick; if(SymbolInfoTick(_Symbol, tick)) Print((int)tick); }
