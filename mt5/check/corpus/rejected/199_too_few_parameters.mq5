// 199: A parameter is missing.
void OnTick() { Print(StringFind("abc")); }
