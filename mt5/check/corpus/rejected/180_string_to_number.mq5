// 180: A string is converted to a number.
void OnTick() { int a = "5"; Print(a); }
