// 108: A macro without a name.
#define 3 SIZE
void OnTick() { Print("x"); }
