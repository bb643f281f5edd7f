// 68: A version that is not a number with two decimals.
#property version "one"
void OnTick() { Print("x"); }
