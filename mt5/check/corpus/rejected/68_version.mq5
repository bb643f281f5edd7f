// 68: A version that is no number with two digits.
#property version "one"
void OnTick() { Print("x"); }
