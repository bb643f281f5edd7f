// 64: A variable hides a predefined one.
void OnTick() { int _Digits = 5; Print(_Digits); }
