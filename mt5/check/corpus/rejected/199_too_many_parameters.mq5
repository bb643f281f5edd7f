// 199: A parameter too many.
void OnTick() { Print(StringLen("abc", 1)); }
