// 291: A parameter that is left out.
void OnTick() { Print(StringFind("abc", , 1)); }
