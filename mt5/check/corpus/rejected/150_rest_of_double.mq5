// 150: % of a double.
void OnTick() { double a = 5.5; double b = a % 2.0; Print(b); }
