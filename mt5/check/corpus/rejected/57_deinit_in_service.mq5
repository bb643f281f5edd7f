// 57: OnDeinit in a service.
#property service
void OnDeinit(const int reason) { Print(reason); }
void OnStart() { Print("service"); }
