// 55: OnInit in a script.
int OnInit() { return INIT_SUCCEEDED; }
void OnStart() { Print("script"); }
