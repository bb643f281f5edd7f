// 115: #include <... without >.
#include <Agent.mqh
void OnTick() { Print("x"); }
