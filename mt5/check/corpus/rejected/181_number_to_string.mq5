// 181: A number is converted to a string.
void OnTick() { string a = 5; Print(a); }
