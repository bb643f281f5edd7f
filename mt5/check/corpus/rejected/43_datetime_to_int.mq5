// 43: Time is converted to int.
void OnTick() { int now = TimeGMT(); Print(now); }
