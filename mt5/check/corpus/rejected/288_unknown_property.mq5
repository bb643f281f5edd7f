// 288: A property that does not exist.
#property colour "red"
void OnTick() { Print("x"); }
