/**
 * The whole expert advisor as a process: OnInit, then OnTimer until it is stopped. Arguments are inputs, `InpPairs=…`,
 * and
 *   common=<folder>   the folder used as Common\Files
 *   send=<bytes>      the most bytes that SocketSend accepts at once
 * SIGTERM ends it as a terminal does (OnDeinit); SIGUSR1 prints the panel as one line, and the longest timer event so
 * far.
 */
#include "mql5.h"
#include "../Experts/Minutehand.mq5"
#include <csignal>

static volatile sig_atomic_t ended = 0, asked = 0;

int main(int count, char **arguments) {
  signal(SIGTERM, [](int) { ended = 1; });
  signal(SIGUSR1, [](int) { asked = 1; });
  signal(SIGPIPE, SIG_IGN);
  for (int i = 1; i < count; i++) {
    std::string text = arguments[i], name = text.substr(0, text.find('=')), value = text.substr(text.find('=') + 1);
    if (name.compare(0, 3, "Inp") == 0 && text.size() > 255) shimFail("an input has 255 characters with its name: " + name);
    if (name == "common") terminal().commonFolder = value;
    else if (name == "send") terminal().faults.sendBytes = atoi(value.c_str());
    else if (name == "InpPairs") InpPairs = string(value);
    else if (name == "InpFolder") InpFolder = string(value);
    else if (name == "InpWay") InpWay = (MhWay)atoi(value.c_str());
    else if (name == "InpRedisPort") InpRedisPort = atoi(value.c_str());
    else if (name == "InpRedisPassword") InpRedisPassword = string(value);
    else if (name == "InpRedisDatabase") InpRedisDatabase = atoi(value.c_str());
    else if (name == "InpFillsToRedis") InpFillsToRedis = value == "true";
    else if (name == "InpTrace") InpTrace = value == "true";
    else if (name == "InpRisk") InpRisk = atof(value.c_str());
    else if (name == "InpMaxOpenPairs") InpMaxOpenPairs = atoi(value.c_str());
    else if (name == "InpStopPercent") InpStopPercent = atof(value.c_str());
    else if (name == "InpDailyLossPercent") InpDailyLossPercent = atof(value.c_str());
    else shimFail("unknown argument " + text);
  }
  terminal().echo = true;
  if (OnInit() != INIT_SUCCEEDED) return 1;
  printf("started\n");
  fflush(stdout);
  ulong longestUs = 0;
  while (!ended && !IsStopped()) {
    ulong beganUs = GetMicrosecondCount();
    OnTimer();
    longestUs = MathMax(longestUs, GetMicrosecondCount() - beganUs);
    if (asked) {
      asked = 0;
      std::string panel = "longest " + std::to_string(longestUs / 1000) + " ms";
      for (int line = 0; line < g_agent.PanelLines(); line++) panel += " | " + g_agent.PanelLine(line).utf8();
      printf("%s\n", panel.c_str());
      fflush(stdout);
    }
    // The timer resolution of a terminal.
    usleep(10000);
  }
  OnDeinit(0);
  return 0;
}
