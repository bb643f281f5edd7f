// 246: A structure where a number is expected.
void OnTick() { MqlTick tick; if(SymbolInfoTick(_Symbol, tick)) Print(MathSqrt(tick)); }
