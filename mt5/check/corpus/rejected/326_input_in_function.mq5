// 326: An input inside of a function.
void OnTick() { input int InpSize = 3; Print(InpSize); }
