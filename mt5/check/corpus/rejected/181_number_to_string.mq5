// 181: A number becomes a string.
void OnTick() { string a = 5; Print(a); }
