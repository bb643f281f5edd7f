// 262: A number where an enumeration is expected.
void OnTick() { int period = 60; Print(Bars(_Symbol, period)); }
