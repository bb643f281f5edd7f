// 113: #include without bracket or quote.
#include Agent.mqh
void OnTick() { Print("x"); }
