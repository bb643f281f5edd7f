// 70: An event handler with other parameters.
void OnTimer(int id) { Print(id); }
