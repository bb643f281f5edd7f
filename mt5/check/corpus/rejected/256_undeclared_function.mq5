// 256: A function that does not exist.
void OnTick() { Print(StringLength("abc")); }
