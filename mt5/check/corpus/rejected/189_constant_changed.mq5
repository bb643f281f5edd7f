// 189: A constant is changed.
const int g_limit = 3;
void OnTick() { g_limit = 4; }
