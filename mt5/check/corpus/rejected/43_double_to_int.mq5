// 43: A double is converted to int.
void OnTick() { double price = 1.5 * MathSqrt(2.0); int whole = price; Print(whole); }
