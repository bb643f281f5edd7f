// arrow: Members by ->.
void OnTick() { MqlTick tick; if(SymbolInfoTick(_Symbol, tick)) Print(tick->bid); }
