// 302: ? between a structure and a number.
void OnTick() { MqlTick tick; if(SymbolInfoTick(_Symbol, tick)) Print(IsStopped() ? tick : 1); }
