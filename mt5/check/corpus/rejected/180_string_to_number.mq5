// 180: A string becomes a number.
void OnTick() { int a = "5"; Print(a); }
