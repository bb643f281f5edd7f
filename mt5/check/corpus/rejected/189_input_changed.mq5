// 189: An input is changed.
input int InpSize = 3;
void OnTick() { InpSize = 4; }
