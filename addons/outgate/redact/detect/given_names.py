"""What people are called by those who know them, in many countries: the first words of full names.

Owns the list. It has no name that is as often a place, a thing, a month or a program: Austin, Ruby, April, Jenkins.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator

_ENGLISH = """
    Aaron Abigail Adam Adrian Agatha Aidan Alan Albert Alec Alexander Alexandra Alexis Alfred Alison Allison
    Amanda Amelia Amy Andrea Andrew Angela Angelica Anita Ann Anna Anne Annie Anthony Antonia Arnold Arthur
    Ashley Audrey Barbara Beatrice Benjamin Bernard Bethany Betty Brandon Brenda Brian Bridget Bruce Bryan
    Caitlin Caleb Cameron Carl Carla Carol Caroline Carolyn Catherine Cecilia Charles Cheryl Christina Christine
    Christopher Cindy Claire Clara Claudia Colin Connor Craig Cynthia Daniel Danielle Darren David Deborah Debra
    Dennis Derek Diana Diane Dominic Donald Donna Doris Dorothy Douglas Duncan Dylan Edith Edmund Edward Edwin
    Eileen Elaine Eleanor Elizabeth Ella Ellen Elliot Elsie Emily Emma Eric Erica Erik Erin Ethan Eugene Eva
    Evan Evelyn Fiona Frances Francis Frederick Gareth Gary Geoffrey George Gerald Gillian Gloria Gordon Graham
    Gregory Gwen Hannah Harold Harriet Harry Hazel Heather Hector Heidi Helen Helena Henry Howard Hugh Hugo Ian
    Imogen Ingrid Irene Isaac Isabel Isabella Jacob Jacqueline Jake James Jamie Jane Janet Janice Jared Jason
    Jean Jeffrey Jennifer Jenny Jeremy Jesse Jessica Jill Jim Joan Joanna Joanne Jodie John Johnny Jonathan
    Joseph Josephine Joshua Joyce Judith Judy Julia Julian Julie Juliet Justin Karen Karl Kate Katherine
    Kathleen Kathryn Katie Keith Kelly Kenneth Kerry Kevin Kieran Kimberly Kirsty Kristen Kristin Kyle Larry
    Laura Lauren Laurence Lawrence Leah Leonard Leslie Lewis Liam Lillian Linda Lisa Lloyd Lois Lorraine Louis
    Louise Lucas Lucy Luke Lydia Lynn Madeleine Malcolm Margaret Maria Marianne Marie Marilyn Marion Marjorie
    Mark Marlene Martha Martin Mary Matilda Matthew Maureen Megan Melanie Melissa Michael Michelle Mildred
    Miriam Molly Monica Muriel Nancy Naomi Natalie Nathan Nathaniel Neil Nicholas Nicola Nicole Nigel Nina Noah
    Nora Norman Olivia Oliver Oscar Owen Pamela Patricia Patrick Paul Paula Pauline Peter Philip Phillip Phoebe
    Phyllis Priscilla Rachel Ralph Raymond Rebecca Rhiannon Richard Rita Robert Roberta Robin Rodney Roger
    Ronald Rosemary Rowan Roy Rupert Russell Ruth Ryan Sally Samantha Samuel Sandra Sara Sarah Scott Sean
    Sebastian Shane Shannon Sharon Sheila Shirley Siobhan Simon Sophia Sophie Stacey Stanley Stella Stephanie
    Stephen Steven Stuart Susan Susanna Suzanne Sylvia Tamara Tanya Teresa Terence Thelma Theodore Theresa
    Thomas Tiffany Timothy Toby Todd Tracy Trevor Tyler Valerie Vanessa Vera Veronica Victor Vincent Vivian
    Walter Wanda Wendy Wesley William Yvonne Zachary Zoe Bob Bobby Dave Mike Steve Tom Jeff Greg Ken Ron Tim Joe
    Ben Sam Alice Brad Chris Doug Eve Kathy Liz Maggie Mandy Nick Pete Rick Sue Tony Vicky Declan Niamh Aoife
    Ciara Cillian Eoin Orla Saoirse Bronagh Padraig Alex Andy Ava Barry Becky Billy Brett Brittany Cathy Charlie
    Charlotte Christian Clifford Clive Cody Courtney Curtis Danny Darnell Derrick Dustin Dwayne Eddie Emilia
    Finn Frank Freddie Gemma Glenn Hayley Jack Jackie Jeffery Jerome Jerry Jimmy Joel Johnathan Josh Kayla
    Keisha Kelsey Kenny Latoya Layla Leanne Leo Leroy Lindsay Lindsey Logan Lori Louisa Malik Mallory Marvin
    Matt Meredith Mia Mitchell Noel Ollie Peggy Randy Ricky Rob Robyn Rosie Ross Seth Sheryl Sonya Taylor Terry
    Tina Tommy Tonya Tyrone Vernon Wayne Whitney Willie Zach Dan Theodora Ottoline Prudence Lachlan Shoshana
    Bronwyn Rhys Gwyneth Sian Siân Carys Gethin Iwan Eilidh Hamish Callum Ewan Euan Fergus Rory Morag Ailsa
    Angus Iain Alistair Alasdair Kirsteen Mhairi Cerys Delyth Elwyn Branwen Piers Giles Jemima Tabitha Cressida
    Philippa Georgina Henrietta Rosalind Winifred Gertrude Mabel Ethel Enid Elspeth Isobel Rosalie Annabel
    Annabelle Arabella Clarissa Daphne Felicity Imelda Lavinia Lorna Ophelia Penelope Sybil Verity Desmond
    Roderick Reginald Percy Cedric Clement Ernest Horace Leopold Mortimer Neville Rufus Silas Ezra Elias Elijah
    Isaiah Jeremiah Josiah Micah Gideon Levi Jonah Asher Nolan Gavin Damon Dexter Duane Elmer Floyd Herman Ira
    Irving Jerrold Kirk Lamar Lester Luther Lyle Myron Otis Quincy Reuben Roland Rosco Sylvester Ted Thaddeus
    Tod Uriah Virgil Wendell Wilbur Wilfred Willard Winston Alma Annette Arlene Bernadette Bertha Bessie Bonnie
    Candace Cassandra Celeste Charlene Claudette Colleen Constance Cora Darlene Deanna Debbie Delores Desiree
    Dianne Edna Eloise Elvira Erma Ernestine Eunice Faye Freda Geraldine Gwendolyn Hilda Ina Inez Irma Janelle
    Janette Jeanette Jeannette Jolene Josie Juanita Julianne Katrina Kristine Lana Latasha Laverne Lela Leona
    Lila Lilian Lillie Lora Loretta Lucille Lynda Lynette Mable Madeline Mamie Marcia Margie Margo Maryann
    Maxine Melba Mindy Minnie Miranda Myra Myrtle Natasha Nellie Nettie Nichole Noreen Patsy Patti Patty Rena
    Renee Rhonda Rochelle Rosa Roxanne Sadie Selena Sheri Sherri Sherry Susie Tami Tammy Tasha Terri Toni Traci
    Tricia Trudy Velma Vicki Vickie Vivienne Wilma Zelda LaTonya Latonya Shanice Tamika Imani Aaliyah Demetrius
    Deshawn DeShawn Terrell Trevon Kendrick Tyrell Jermaine Andre Antwan
"""
_GERMANIC = """
    Andreas Anja Anke Anneliese Annika Antje Astrid Axel Bastian Benedikt Bernd Bernhard Birgit Björn Bodo
    Brigitte Carsten Christa Christoph Claus Cornelia Dagmar Detlef Dieter Dietmar Dirk Eckhard Elfriede Elke
    Ernst Felix Florian Frauke Friederike Friedrich Fritz Gabriele Georg Gerd Gerda Gerhard Gisela Greta Gudrun
    Günter Günther Gustav Hannelore Hans Hartmut Heike Heiko Heiner Heinrich Heinz Helga Helmut Herbert Hermann
    Hildegard Holger Horst Hubert Ilse Inge Ingeborg Ingo Irmgard Jana Jens Joachim Jochen Johann Johanna
    Johannes Jonas Jörg Jürgen Jutta Karin Karsten Katharina Katja Katrin Kathrin Klara Klaus Konrad Kurt Lars
    Leonie Lieselotte Lothar Ludwig Lukas Lutz Magdalena Maike Manfred Manuela Marcel Marco Marcus Margarete
    Marlies Mathias Matthias Maximilian Meike Michaela Monika Moritz Nadine Niklas Norbert Olaf Ole Otto Petra
    Rainer Ralf Reiner Reinhard Renate Rolf Rosemarie Rüdiger Rudolf Sabine Sabrina Sandro Sascha Siegfried
    Sigrid Silke Silvia Sonja Stefan Stefanie Steffen Susanne Svenja Sven Tanja Thorsten Tobias Torsten Udo
    Ulrich Ulrike Ursula Ute Uwe Volker Walburga Werner Wilfried Wilhelm Wolfgang Yannick Aart Anneke Bram Daan
    Dirkje Femke Fenna Floris Geert Gerrit Hendrik Henk Ineke Jaap Jan Janneke Jasper Jelle Jeroen Joost Joris
    Karel Kees Koen Lieke Maarten Maartje Marieke Marijke Marloes Mieke Niels Pieter Roel Ruben Sander Sanne
    Sjoerd Stijn Thijs Tineke Willem Wim Wouter Agnes Aksel Anders Annelie Arne Arvid Asger Birgitta Bjarne
    Bjørn Britta Camilla Ebba Einar Elin Elsa Emil Erling Espen Freja Frida Gunnar Gunilla Gudrún Haakon Håkan
    Halvard Hanne Hedda Henrik Håvard Ida Ingunn Ivar Jakob Jesper Jón Jonna Jørgen Kaare Kari Kasper Kerstin
    Kirsten Kjell Knut Kristian Kristina Kristoffer Lasse Leif Lena Linnea Liv Maja Malin Margit Marit Mathilde
    Mette Mikael Mikkel Mogens Morten Nanna Nils Ola Olav Øystein Pär Pernille Ragnar Ragnhild Rasmus Rikke
    Sigurd Sigurður Signe Sindre Solveig Søren Stig Sture Svein Sverre Terje Thea Thor Tore Torbjørn Torben
    Trine Trygve Tuva Ulf Vidar Viggo Yngve Åke Åsa Aino Antti Eero Eeva Eino Esa Hanna Heikki Helmi Ilkka Jari
    Juha Juhani Jukka Kaisa Kalle Kirsi Lauri Liisa Marja Marjatta Markku Matti Mika Mikko Minna Niina Olli Outi
    Päivi Pekka Pentti Pirjo Pirkko Petri Petteri Riikka Riitta Risto Saara Sanna Satu Seppo Sirpa Tapio
    Tarja Teemu Timo Tiina Tuomas Tuula Veikko Ville Virpi Eberhard Wolfram Annegret Ruprecht Ingvild Marjolein
    Annelies Famke Torgeir Annemarie Antonius Arnim Arno Benno Bertold Berthold Burkhard Burkhardt Carolin
    Christel Clemens Corinna Cordula Dagobert Dorothea Edeltraud Edgar Egon Elfi Elisabeth Engelbert Erhard
    Erich Erwin Ewald Ferdinand Franz Franziska Friedhelm Fridolin Gereon Gerlinde Gernot Gertrud Gottfried Götz
    Gregor Gunther Gunter Gunda Hannes Harald Hartwig Hedwig Heidemarie Heidrun Heinke Hella Helge Helmuth
    Henning Henriette Herta Hilde Hiltrud Hinrich Ingolf Ingomar Irmela Isolde Jannik Jannis Jörn Josefine
    Julius Jürg Kai Karl-Heinz Kaspar Käthe Kilian Korbinian Kunigunde Leonhard Levin Liesel Linus Lisbeth Lore
    Lorenz Luise Malte Margot Margret Marlis Mechthild Merle Mirjam Nele Oskar Ortwin Ottilie Pascal Philipp
    Quirin Raimund Ramona Reinhold Roswitha Rosina Sibylle Siegmund Sieglinde Sigmund Sigrun Sönke Stephan Theo
    Theodor Theresia Thilo Traude Traudl Ulla Veit Verena Vinzenz Volkmar Waltraud Wendelin Wiebke Wilhelmine
    Wiltrud Winfried Wolfhard Xaver Zacharias Lennart Bengt Börje Göran Gösta Inga Inger Jörgen Kjerstin Magnus
    Margareta Mats Märta Pelle Ragna Sixten Staffan Stellan Sune Tage Torvald Vilhelm Viveka Örjan Asbjørn
    Birthe Bodil Dorthe Else Flemming Gitte Grethe Jytte Kirstine Lene Mads Merete Palle Poul Preben Vagn Vibeke
    Cornelis Evert Frits Gijs Hendrika Jacoba Johan Klaas Laurens Leendert Lonneke Machteld Maaike Marijn
    Maurits Mirthe Nienke Piet Renske Rianne Rik Ruud Saskia Sietske Siebe Tjeerd Wietske Yke Annukka Ari Arja
    Elina Hannele Hannu Heli Jaana Jorma Jouni Kaarina Kirsti Leena Maija Maire Mervi Mirja Olavi Osmo Pertti
    Pauliina Raakel Raija Raimo Reijo Saija Sinikka Taina Terhi Tuija Tuomo Vesa Vilma Kärt Kristiina Liina Mari
    Merike Piret Riina Siim Tanel Triin Toomas
"""
_FRENCH_AND_IBERIAN = """
    Adèle Adrien Agathe Agnès Alain Albane Alexandre Alexis Alice Aline Amandine Amélie Anaïs André Andrée
    Antoine Antoinette Arnaud Audrey Aurélie Aurélien Baptiste Bastien Benoît Bérénice Bertrand Camille Carole
    Cécile Céline Chantal Chloé Christelle Christiane Christophe Clément Clémence Colette Coralie Corentin
    Corinne Cyril Damien Danièle Delphine Denis Didier Dominique Édouard Élise Élodie Émile Émilie Emmanuel
    Emmanuelle Enzo Estelle Étienne Eugénie Fabien Fabienne Fabrice Franck François Françoise Frédéric Gaëlle
    Gaëtan Gaspard Geneviève Georges Gérard Gilles Ginette Guillaume Hélène Henri Hervé Hortense Hubert Inès
    Isabelle Jacques Jeanne Jérémie Jérôme Jocelyne Joël Joëlle Jules Juliette Julien Justine Laetitia Laure
    Laurence Laurent Léa Léo Léon Léonie Liliane Loïc Luc Lucie Lucien Ludovic Madeleine Manon Marc Marcelle
    Marguerite Marianne Mathieu Mathilde Maurice Maxime Mélanie Michel Michèle Mireille Monique Morgane Muriel
    Mylène Nadège Nathalie Nicolas Noémie Odette Olivier Pascale Patrice Paulette Philippe Pierre Quentin Rémi
    René Renée Robert Romain Sandrine Sébastien Serge Séverine Simone Solange Stéphane Stéphanie Suzanne Sylvain
    Sylvie Théo Théodore Thérèse Thierry Timothée Tristan Valentine Valérie Vincent Virginie Viviane Xavier Yann
    Yannick Yves Yvette Adriana Agustín Aitana Alba Alberto Alejandra Alejandro Alfonso Alfredo Alicia Álvaro
    Amparo Ana Andrés Ángela Ángeles Antonio Araceli Arturo Asunción Beatriz Begoña Belén Benito Bernardo Blanca
    Candela Carlos Carmen Catalina César Concepción Consuelo Cristina Cristóbal Daniela Diego Eduardo Elena
    Emilia Emilio Encarnación Enrique Ernesto Esperanza Esteban Esther Eugenia Fátima Federico Felipe Fermín
    Fernanda Fernando Francisca Francisco Gabriel Gabriela Gerardo Germán Gonzalo Graciela Gregorio Guadalupe
    Guillermo Gustavo Héctor Ignacio Inés Iñigo Irene Isidro Itziar Ivonne Jacinto Jaime Javier Jimena Joaquín
    Jorge José Josefa Juan Juana Julio Laura Leticia Lola Lorena Lorenzo Lourdes Lucía Luciano Luis Luisa Luz
    Macarena Magdalena Manuel Manuela Marcela Marcelo Marcos Margarita María Mariana Mariano Maribel Mario
    Marisol Marta Martín Matías Mauricio Micaela Miguel Mónica Montserrat Natalia Nieves Noelia Núria Nuria
    Octavio Óscar Pablo Paloma Paola Pascual Patricio Pedro Pilar Rafael Raimundo Ramiro Ramón Raquel Raúl
    Rebeca Ricardo Roberto Rocío Rodolfo Rodrigo Rogelio Rosario Rosalía Rubén Sancho Sergio Silvia Sofía
    Soledad Sonia Susana Tatiana Teresa Tomás Valentina Verónica Vicente Víctor Violeta Virgilio Ximena Yolanda
    Afonso Alessandra Ângela Antônio António Armando Artur Augusto Bianca Breno Bruna Bruno Caio Camila Cátia
    Célia Cláudia Cláudio Davi Débora Denise Duarte Edson Eliane Fabiana Fábio Filipa Filipe Flávia Flávio
    Giovana Gonçalo Guilherme Helena Heloísa Henrique Inês Isabela Ivo João Joana Joaquim Juliana Júlia Júlio
    Larissa Leandro Letícia Lívia Lúcia Luciana Luís Luiz Luíza Mafalda Márcia Márcio Matheus Mateus Mauro
    Murilo Nádia Natália Nuno Otávio Patrícia Paulo Priscila Rafaela Raimunda Raul Renata Renato Rogério Rosana
    Rui Sabrina Sandro Simão Sílvia Sônia Tânia Tatiane Thaís Thiago Tiago Valéria Vanessa Vera Vinícius Vitor
    Wagner Yasmin Adele Jesús Jesus Ángel Leocadia Marisela Noé Yadira Rigoberto Santina Ludovina Domingos
    Joaquina Custódia Vasco Salomé Lurdes Graça Fernão Egídio Zulmira Amadeu Anabela Armindo Belmiro Conceição
    Deolinda Gaspar Hermínia Isaura Jacinta Laurinda Leonel Lino Micael Odete Olinda Rosalina Sérgio Telmo
    Valdemar Zélia Adailton Adilson Cleber Cleiton Dirceu Edilson Everton Genilson Gilberto Gilmar Hélio Iara
    Iracema Ivone Jadir Janaína Jurandir Josué Jussara Kauã Lauro Luan Maicon Moacir Neide Nilton Osmar Osvaldo
    Rosângela Rosemeire Rubens Sueli Thalita Ubirajara Valdir Valmir Zilda Abel Adela Adolfo Alfonsina Almudena
    Amalia Anselmo Arantxa Ariadna Aurelio Azucena Baltasar Basilio Berta Bibiana Camilo Casimiro Celestino
    Celia Cayetano Cándido Clemente Clotilde Conrado Cornelio Damián Delia Edmundo Elba Eliseo Eloy Emeterio
    Ernestina Estela Eulalia Eusebio Evaristo Ezequiel Fabián Facundo Faustino Feliciano Fidel Filomena
    Florencia Froilán Fulgencio Genoveva Gumersindo Herminia Hilario Hipólito Horacio Humberto Inmaculada
    Isabelino Isaías Ismael Jerónimo Jonás Josefina Julieta Julián Lautaro Lázaro Leonor Leopoldo Liliana
    Lisandro Lucrecia Ludmila Macario Malena Marcial Margarito Mateo Maximino Melchor Moisés Nélida Néstor
    Nicanor Nicanora Norberto Obdulia Olegario Oriol Petrona Plácido Remedios Reynaldo Román Romina Roque Rufino
    Saturnino Saúl Serafín Silverio Sixto Teodoro Tobías Ulises Uriel Wenceslao Yago Zacarías Jordi Jaume Josep
    Montse Meritxell Mireia Laia Pau Pere Ferran Arnau Iker Ander Aitor Ainhoa Amaia Eneko Gorka Leire Maite
    Mikel Nerea Unai Xabier Aimée Albertine Alphonse Amaury Ambroise Anatole Angélique Anne-Marie Apolline
    Aristide Armelle Aude Augustin Axelle Barnabé Basile Blandine Blaise Capucine Cédric Célestine Claudine
    Cyprien Cyrille Damienne Désiré Dorothée Edmond Églantine Élisabeth Éloïse Émeline Eugène Eulalie Eve-Marie
    Évelyne Félicie Félix Fernand Firmin Flavie Florent Francine Gaston Gautier Germaine Ghislaine Gisèle
    Godefroy Grégoire Gustave Gwénaëlle Gwenaëlle Honoré Hugues Irène Isidore Jean-Baptiste Jean-Claude
    Jean-François Jean-Luc Jean-Marc Jean-Marie Jean-Michel Jean-Paul Jean-Philippe Jean-Pierre Jeannine
    Joséphine Josette Josiane Juliane Julienne Léandre Léonard Léontine Lionel Loïse Louison Lucette Lucienne
    Ludivine Magali Marceau Margaux Marie-Claire Marie-Christine Marie-Hélène Marie-Louise Marie-Thérèse
    Mariette Marlène Martial Maryse Mathis Maude Maxence Médéric Mélissa Mickaël Myriam Narcisse Nelly Ninon
    Noël Océane Ombline Paulin Perrine Raoul Raphaël Raphaëlle Raymonde Régine Régis Rodolphe Romane Roseline
    Roxane Rémy Sévérine Sidonie Sigolène Sixtine Solène Suzette Sylvette Tanguy Thibault Thibaut Ulysse Urbain
    Ursule Véronique Victoire Victorine Violette Yoann Yolande Yves-Marie Zélie Zoé Dumitru Anca-Ioana Crina
    Emilian Felicia Georgeta Iuliana Magda Maricica Mădălina Paraschiva Rodica Sanda Silviu Steliana Zamfir
"""
_ITALIAN_AND_ROMANIAN = """
    Agostino Alberta Aldo Alessandro Alessia Alessio Andrea Angelo Annalisa Antonella Antonietta Arianna
    Bartolomeo Beatrice Benedetta Camilla Carla Carlo Carlotta Carmela Caterina Chiara Cinzia Ciro Claudio
    Concetta Corrado Cosimo Cristiano Daniele Dario Davide Debora Domenico Donatella Edoardo Eleonora Elisa
    Elisabetta Emanuele Emanuela Enrico Ettore Eugenio Fabio Fabrizio Federica Filippo Flavia Flavio Francesca
    Francesco Franco Gaetano Gennaro Giacomo Gianluca Gianni Ginevra Gino Giorgia Giorgio Giovanna Giovanni
    Giulia Giuliano Giulio Giuseppe Giuseppina Graziella Grazia Ilaria Immacolata Isabella Jacopo Leonardo
    Letizia Lidia Loredana Lorenza Lucia Ludovica Luigi Maddalena Marcello Marcella Mariangela Marisa Martina
    Massimiliano Massimo Matteo Mattia Maurizio Michela Michele Mirella Mirko Monica Nicolò Nunzia Orazio
    Ornella Paolo Pasquale Patrizia Piero Pietro Raffaele Raffaella Riccardo Roberta Rocco Rosanna Rosaria
    Salvatore Samuele Sandra Sara Serena Silvana Silvio Simona Sofia Stefania Stefano Susanna Tiziana Tommaso
    Umberto Valeria Valerio Vincenza Vincenzo Vito Vittoria Vittorio Adelina Alexandru Alina Anca Andrei Bogdan
    Călin Ciprian Constantin Corina Cosmin Cristian Dănuț Doina Dorin Dragoș Florin Gheorghe Horia Ileana Ilie
    Ioan Ioana Ionuț Iulia Laurențiu Liviu Lucian Luminița Marian Marius Mihaela Mihai Mircea Nicolae Nicoleta
    Octavian Ovidiu Petru Radu Răzvan Roxana Ruxandra Sorin Ștefan Teodor Tudor Vasile Viorel Vlad Achille
    Adalgisa Ambra Assunta Attilio Azzurra Biagio Brigida Calogero Carmelo Cesare Clelia Costanza Diletta Egidio
    Ermenegilda Ermanno Ester Fabrizia Fausto Fiorella Flaminia Fortunato Fulvia Fulvio Giada Gianfranco
    Gianmarco Giancarlo Gianpaolo Giorgina Girolamo Giuditta Guglielmo Ines Ivano Livia Lorella Luana Lucrezia
    Margherita Marianna Martino Massimina Melania Moreno Nazario Nicoletta Noemi Nino Olimpia Oreste Ottavia
    Ottavio Pellegrino Pierluigi Pierpaolo Pina Quirino Renzo Romolo Ruggero Sabina Saverio Sebastiano Severino
    Simonetta Tullio Ugo Viviana Zaira
"""
_SLAVIC = """
    Adrianna Agata Agnieszka Aleksander Aleksandra Alicja Andrzej Aneta Anna Antoni Artur Barbara Bartosz
    Bartłomiej Beata Bogdan Bogumiła Bożena Cezary Czesław Damian Danuta Dariusz Dominik Dominika Dorota Edyta
    Elżbieta Ewa Ewelina Filip Franciszek Genowefa Grażyna Grzegorz Halina Hanna Henryk Hubert Iga Irena Iwona
    Izabela Jacek Jadwiga Jakub Janina Janusz Jarosław Jerzy Jolanta Józef Julita Justyna Kacper Kamil Karol
    Karolina Katarzyna Kazimierz Kinga Klaudia Kornelia Krystian Krystyna Krzysztof Leszek Łucja Łukasz Maciej
    Magdalena Małgorzata Marcin Marek Mariola Mariusz Marzena Mateusz Michał Mieczysław Mikołaj Milena Mirosław
    Nadia Natalia Oliwia Oliwier Patrycja Paweł Piotr Przemysław Radosław Rafał Renata Ryszard Sławomir
    Stanisław Sylwia Szymon Tadeusz Teresa Tomasz Urszula Wacław Waldemar Weronika Wiesław Wiktor Wiktoria
    Witold Władysław Włodzimierz Wojciech Zbigniew Zdzisław Zofia Zuzanna Zygmunt Adéla Alena Aleš Alžběta
    Barbora Blanka Bohumil Bohuslav Božena Břetislav Dagmar Dalibor Daniela Dušan Eliška František Helena Ilona
    Ivana Iveta Jana Jarmila Jaroslav Jiří Jindřich Jitka Josef Juraj Kamila Karel Kateřina Klára Kristýna Květa
    Ladislav Lenka Libor Libuše Lubomír Luboš Lucie Lucia Ľubomír Ľudmila Ľuboš Lukáš Marcela Markéta Marián
    Martin Matěj Matúš Michaela Milada Miloslav Miloš Miroslav Miroslava Naďa Nikola Oldřich Ondřej Ondrej
    Otakar Pavel Pavla Pavlína Petr Petra Přemysl Radek Radim Radka Richard Robert Romana Rostislav Rudolf
    Růžena Simona Stanislav Šárka Šimon Štefan Štěpán Štěpánka Tereza Tomáš Václav Věra Veronika Viktor Viliam
    Vít Vítězslav Vladimír Vladimíra Vlastimil Vojtěch Zdeněk Zdeňka Zuzana Žaneta Ádám Ágnes Ákos András Andrea
    Anikó Attila Balázs Barnabás Bence Béla Boglárka Borbála Csaba Dániel Dávid Dóra Dorottya Edit Erika Ernő
    Erzsébet Eszter Etelka Éva Ferenc Gábor Gergely Gergő Gizella György Györgyi Gyula Hajnalka Ibolya Ildikó
    Imre István Ivett János Jolán József Judit Júlia Kálmán Károly Katalin Krisztián Krisztina Lajos László
    Levente Magdolna Margit Márk Márta Márton Máté Mátyás Melinda Mihály Miklós Nándor Nóra Noémi Orsolya Pál
    Péter Piroska Réka Rita Róbert Rozália Sándor Sára Szabolcs Szilvia Tamás Tibor Tímea Tünde Vilmos Viktória
    Vivien Zita Zoltán Zsófia Zsolt Zsuzsanna Aleksandar Ana Andrej Anja Ante Anton Biljana Boban Bojan Bojana
    Boris Borislav Božidar Branimir Branka Branko Danica Danijel Danijela Darko Davor Dejan Dimitar Dimitrije
    Dragan Dragana Draženko Dražen Dubravka Dušanka Đorđe Emina Enver Franjo Georgi Goran Gordana Hristo Igor
    Ivan Ivanka Ivica Ivo Jadranka Jasmina Jasna Jelena Jovan Jovana Josip Jurica Katarina Kalin Krešimir
    Krasimir Krunoslav Ksenija Lazar Ljiljana Ljubica Luka Lyubomir Maja Marija Marijana Marko Mateja Matej
    Matija Milica Milivoj Miljana Milorad Milutin Mirjana Mladen Nataša Nebojša Nemanja Nenad Nikolina Plamen
    Predrag Radmila Radovan Ratko Sandra Sanja Saša Senka Siniša Slađana Slavica Slavko Slobodan Snežana
    Snježana Srđan Stjepan Stojan Stefka Svetlana Tanja Tatjana Tihomir Tomislav Tsvetan Uroš Vedran Velimir
    Vesna Vladimir Vladislav Vuk Yordan Zdenko Zdravko Zlatan Zlatko Zoran Zorica Zvonimir Željka Željko Žarko
    Alexei Aleksei Aleksandr Alexey Anastasia Anastasiya Anatoly Andrey Arkady Artem Bogdana Daria Darya Denis
    Dmitri Dmitriy Dmitry Ekaterina Elizaveta Evgeny Evgeniy Evgenia Fyodor Galina Gennady Grigory Ilya Inna
    Irina Kirill Konstantin Ksenia Larisa Leonid Lyudmila Maksim Maxim Mikhail Nadezhda Nikita Nikolai Nikolay
    Oksana Oleg Oleksandr Oleksandra Olena Olesya Olga Pavlo Polina Ruslan Semyon Sergei Sergey Serhiy Taras
    Tatiana Tatyana Timur Vadim Valentin Valery Vasily Viktoria Vitaly Vitalii Volodymyr Vyacheslav Yana
    Yaroslav Yegor Yekaterina Yevgeny Yulia Yuliya Yuri Yuriy Zinaida Andrii Mykola Mykhailo Nataliia Iryna
    Yuliia Kateryna Anastasiia Dmytro Ihor Petro Ainārs Aivars Andris Ilze Inese Jānis Juris Kristaps Līga Māris
    Mārtiņš Zane Algirdas Arvydas Darius Gintaras Jurgita Kęstutis Mindaugas Rasa Rūta Saulius Vytautas Aivar
    Indrek Jaan Kadri Kristjan Maarja Margus Priit Rein Tarmo Tiit Urmas Špela Aljaž Alenka Andraž Blaž Boštjan
    Drago Franc Franci Gašper Janez Jernej Jože Jožica Jure Klemen Lojze Majda Manca Marjan Marjeta Matjaž Metka
    Mojca Nejc Polona Primož Stanka Tadej Tjaša Tomaž Urša Urška Vida Vinko Žan Žiga Bożydar Apolonia Bronisław
    Bronisława Celina Eugeniusz Feliks Gustaw Hieronim Ignacy Ireneusz Jagoda Jarema Kajetan Kalina Klemens
    Leokadia Leon Lucyna Ludwik Maksymilian Marlena Michalina Nikodem Olgierd Patryk Pola Rozalia Ryszarda
    Seweryn Tymon Tymoteusz Violetta Wacława Wincenty Wioletta Zenon Zdzisława Ziemowit Żaneta Gellért Emőke
    Enikő Gáspár Hedvig Hunor Ignác Ilka Irén Jenő Jácint Kristóf Lilla Lóránt Mária Márkus Menyhért Mirtill
    Nikolett Ottó Richárd Szilárd Tivadar Vencel Zalán Zsombor Zsóka Ágota Árpád Aksinya Alevtina Antonina Arina
    Arkadiy Eduard Efim Faina Filipp Gleb Innokentiy Kira Klavdiya Lev Lidiya Lilia Makar Marat Matvey Miron
    Mstislav Naum Nelli Pelageya Platon Raisa Renat Rimma Rodion Rustam Savva Serafima Stepan Timofey Tikhon
    Veniamin Vitali Vsevolod Zhanna Zoya Bohdan Vasyl Yevhen Hryhorii Halyna Larysa Liudmyla Lesia Nadiia Orest
    Pylyp Rostyslav Solomiia Svitlana Tetiana Valentyna Viacheslav Viktoriia Yevheniia Zoriana Anzhela Ivaylo
    Kiril Lilyana Mihail Neli Petya Radoslav Rositsa Rumen Silviya Stanimir Stoyan Todor Tsvetelina Veselin
    Zhivko Jadranko Milka Ratka Spomenka Tijana Tihana Vjekoslav Višnja Zlata Dunja Hrvoje Ivona Lovro Lucija
    Mirta Nives Ognjen Stipe Tonči Vinka
"""
_EASTERN = """
    Ahmet Alper Arzu Aslı Ayhan Aylin Ayşe Aysel Ayten Barış Berk Berna Burak Burcu Bülent Canan Cem Cemal Cemil
    Çağla Deniz Derya Dilek Ebru Ece Elif Emine Emrah Emre Erdal Erdem Erhan Erkan Erol Esra Eylem Fatma Ferhat
    Figen Filiz Gökhan Gönül Gül Gülay Gülşen Hakan Hakkı Halil Halime Hande Hasan Hatice Havva Hülya Hüseyin
    İbrahim İlker İpek İsmail İsmet Kadir Kemal Kerem Kübra Leyla Mehmet Melek Meltem Merve Meryem Metin Mehtap
    Murat Mustafa Müge Nazan Nazlı Necla Nermin Nesrin Nilgün Nuray Nuri Oğuz Okan Onur Orhan Osman Ozan Ömer
    Özge Özgür Özlem Pınar Ramazan Recep Rıza Sabri Selçuk Selim Selin Sema Serdar Serkan Sevgi Sevim Sibel
    Sinan Songül Süleyman Şebnem Şeyma Şule Tarık Tuğba Tuncay Turgut Ufuk Uğur Ümit Volkan Yasemin Yavuz Yıldız
    Yusuf Zehra Zeki Zerrin Zeynep Alexandros Anastasios Andreas Angeliki Antonis Apostolos Athanasios
    Charalampos Christos Dimitra Dimitris Dimitrios Eirini Elefteria Eleni Evangelia Evangelos Fotini Georgios
    Giorgos Giannis Ioanna Ioannis Katerina Konstantina Konstantinos Kostas Kyriakos Maria Nikolaos Nikos
    Panagiotis Paraskevi Petros Sofia Sotiris Spyridon Spyros Stavros Stelios Thanasis Theodoros Vasiliki
    Vasilis Vassilis Yannis Zoi Abbas Abdallah Abdel Abdelkader Abdul Abdulaziz Abdullah Abdulrahman Abeer Adel
    Adnan Ahmad Ahmed Aisha Akram Ali Alia Amal Amin Amina Amir Amira Ammar Anas Anwar Asma Ayman Aziz Aziza
    Badr Basel Bashir Bilal Dalal Dina Ehab Essam Fadi Fahad Faisal Farah Fares Farid Farida Farouk Fatema
    Fatima Fawzi Firas Ghada Habiba Hadi Hala Hamad Hamid Hamza Hanan Hani Haroun Hasna Hassan Hatem Heba Hicham
    Hisham Huda Hussain Hussein Ibrahim Iman Imran Ismail Jabir Jalal Jamal Jamila Jawad Kamal Karim Karima
    Khadija Khaled Khalid Khalil Laila Latifa Layla Leila Lina Lubna Maha Mahmoud Majid Malak Malika Manal
    Mansour Mariam Marwa Marwan Maryam Maysa Mohamed Mohammad Mohammed Mona Mounir Mourad Muhammad Muna Musa
    Mustapha Nabil Nada Nadia Nadine Naima Najib Najwa Nasser Nawal Nizar Noor Noura Nour Omar Osama Othman
    Qasim Rachid Rania Rashid Rasha Reem Rima Riyad Saad Sadiq Saeed Salah Saleh Salem Salim Salma Samar Sameer
    Samir Samira Sana Sawsan Shadi Shaima Sultan Suad Tahar Tamer Tarek Tariq Waleed Walid Wafa Yahya Yara Yasir
    Yasser Yassine Youcef Youssef Yousef Younes Zaid Zainab Zakaria Zayd Ziad Zineb Afshin Alireza Amirhossein
    Arash Azadeh Babak Bahram Behnam Behzad Dariush Ebrahim Elham Farhad Fariba Farzaneh Fereshteh Hossein Jafar
    Javad Kamran Kaveh Mahsa Mehdi Mehran Mehrdad Mina Mitra Mohsen Nasrin Nasim Navid Nazanin Omid Parisa
    Parvin Payam Reza Roya Saeid Sanaz Sara Shahram Shirin Siavash Sina Soheil Soraya Zahra Avi Ayelet Dafna
    David Eitan Galit Gil Hadas Idan Itai Liat Maya Meir Michal Moshe Nir Noa Ofer Omer Oren Ronen Ronit Shai
    Shira Shlomo Shmuel Tal Tamar Uri Yael Yair Yaakov Yehuda Yitzhak Yoav Yonatan Yossi Zvi Aakash Aarav
    Abhijit Abhinav Abhishek Aditi Aditya Ajay Ajit Akash Akshay Alok Aman Amar Amit Amita Amrita Anand Ananya
    Aniket Anil Anirudh Anish Anita Anjali Ankit Ankita Ankur Anuj Anupama Anuradha Arjun Arun Aruna Arvind
    Ashok Ashish Ashwin Asha Atul Balaji Bhavna Bhavesh Chandan Chitra Chetan Darshan Deepa Deepak Deepika
    Devendra Dhruv Dinesh Divya Ganesh Gaurav Gautam Gayatri Geeta Girish Gita Gopal Govind Harish Harpreet
    Harsh Hemant Himanshu Indira Isha Ishaan Jagdish Jaya Jayant Jayesh Jitendra Jyoti Kalpana Kamala Kanchan
    Karan Kartik Kavita Kavya Kiran Kishore Komal Krishna Kunal Lakshmi Lalit Lata Madhav Madhavi Madhu Mahesh
    Malini Manish Manisha Manjunath Manoj Meena Meera Megha Mohan Mohit Mukesh Nandini Naresh Narendra Naveen
    Neelam Neeraj Neha Nidhi Nikhil Nilesh Nisha Nitin Padma Pankaj Parth Parvati Pooja Prabhakar Pradeep
    Prakash Pramod Pranav Prasad Prashant Pratik Praveen Preeti Priya Priyanka Puneet Radha Raghav Rahul Raj
    Raja Rajan Rajendra Rajesh Rajiv Raju Rakesh Rama Ramesh Rani Ranjit Ravi Ravindra Reena Rekha Renu Ritu
    Rohan Rohini Rohit Roshan Rupali Sachin Sandeep Sangeeta Sanjana Sanjay Sanjeev Santosh Sarita Satish
    Saurabh Savita Seema Shalini Shankar Shanti Sharad Shashi Shikha Shilpa Shivani Shobha Shreya Shruti Shubham
    Shweta Siddharth Smita Sneha Sonal Sonali Srinivas Subhash Sudha Sudhir Sujata Suman Sumit Sunil Sunita
    Suraj Suresh Surya Sushil Sushma Swapnil Swati Tanvi Tarun Tushar Uday Uma Umesh Usha Vaibhav Varun Vasant
    Venkatesh Vidya Vijay Vijaya Vikas Vikram Vimal Vinay Vineet Vinod Vipul Vishal Vishnu Vivek Yash Yogesh
    Arjan Gurpreet Jaspreet Manpreet Asif Ayesha Farhan Hina Iqbal Irfan Javed Kashif Nadeem Nasreen Naveed
    Rizwan Rubina Sadia Saima Sajid Shabana Shahid Shahida Shahzad Shazia Sohail Tahir Tanveer Usman Waqar
    Yasmeen Zafar Zeeshan Zubair Chaminda Dilshan Kumari Nimal Nuwan Sanduni Tharindu Bishal Sagar Sushila
    Rahman Nusrat Tahmina Haziq Roslan Abdülkadir Adem Alperen Arda Aydın Ayşegül Bahar Baran Bayram Belgin
    Bengü Beril Beyza Birol Buse Büşra Caner Cengiz Cihan Coşkun Damla Defne Demet Dursun Duygu Emel Emir Enes
    Engin Erdoğan Ersin Ertuğrul Eyüp Fadime Faruk Fatih Ferit Feyza Fikret Gizem Gonca Gülcan Gülsüm Güneş
    Gürkan Haluk Hayriye Hikmet Hilal Hüsnü İlhan İlknur İnci İrem Kaan Kenan Kerim Kıvanç Koray Kürşat Mahmut
    Melis Melisa Mert Mesut Muhammet Muzaffer Müjgan Nazım Necati Nihal Nihat Nilay Nurcan Oktay Onat Orçun Öykü
    Pelin Perihan Polat Sadık Saliha Savaş Seda Seher Serap Serhat Sevda Sezen Sıla Suat Sude Süheyla Şahin
    Şenay Şerife Şükrü Taner Taylan Tekin Tolga Tuğçe Turan Ulaş Vahit Vedat Veli Yağmur Yakup Yalçın Yeliz
    Yeşim Yiğit Yunus Züleyha Gurdeep Harjit Harmanpreet Jagjit Kuldeep Mandeep Navjot Navpreet Parminder
    Rupinder Simran Sukhdeep Sukhwinder Mehwish Nabeela Sumaira Tehmina Adeel Ahsan Arslan Atif Farooq Haris
    Jamshed Khurram Mudassar Murtaza Noman Salman Shahbaz Shoaib Sikandar Taimur Talha Umair Usama Wasim Zahid
    Zain Narasimhan Padmanabhan Parameswaran Ramachandran Ramaswamy Rangarajan Sivakumar Subramanian Sundaram
    Swaminathan Thirumalai Vaidyanathan Venkataraman Vijayalakshmi Meenakshi Saraswati Savitri Saraswathi
    Revathi Sowmya Kalyani Karthik Karthikeyan Senthil Murugan Selvam Anbu Kavitha Priyadarshini Aishwarya
    Soundarya Harini Nithya Vignesh Lokesh Sathish Dinakar Bhaskar Debashis Debasish Subrata Sourav Sayan
    Anirban Arpita Moumita Sharmila Rituparna Jayanta Dipankar Biswajit Tapan Swapan Kalpesh Hitesh Jignesh
    Mitesh Nirav Paresh Pinal Hetal Falguni Dhaval Chirag Ketan Mehul Abdelaziz Abderrahmane Abdelhak Abdellah
    Amine Anis Assia Brahim Chakib Djamila Driss Fouad Hafsa Hafida Hajar Houda Ilham Ilyas Imane Jalila Kenza
    Khadijah Laith Lamia Mahdi Meriem Moulay Nabila Najat Nassim Nezha Oussama Rabia Rachida Redouane Riad Saida
    Sanae Sofiane Soufiane Souad Tayeb Wassim Widad Yacine Yasmina Younès Zakia Zohra Ariel Asaf Avigail Batya
    Boaz Chaim Chaya Dov Ehud Elad Hila Ilan Keren Lior Lirón Menachem Mordechai Naama Nitzan Ofra Orly Rivka
    Roni Sapir Shaul Shimon Sivan Tova Tzipi Yardena Yehonatan Yitzchak Zehava Ziv
"""
_FARTHER = """
    Akihiko Akiko Akira Atsushi Aya Ayaka Ayumi Chie Chihiro Daiki Daisuke Eiji Emi Eriko Fumiko Haruka Haruki
    Haruto Hideki Hideo Hikari Hina Hinata Hiroki Hiroko Hiroshi Hiroyuki Hisashi Ichiro Isamu Jiro Junichi
    Junko Kaito Kana Kaori Katsuo Kazuhiro Kazuki Kazuko Kazuo Keiko Keisuke Kenichi Kenji Kenta Kiyoshi Koichi
    Koji Kota Kouji Kyoko Maki Makoto Mamoru Mariko Masaaki Masako Masami Masao Masaru Masashi Masato Masayuki
    Mayumi Megumi Michiko Midori Miho Minoru Misaki Mitsuko Miyuki Momoko Nanami Naoki Naoko Naoto Natsuki
    Natsumi Nobuko Nobuyuki Noboru Noriko Osamu Reiko Rika Rina Ryo Ryosuke Ryota Ryuji Sachiko Sakura Satoru
    Satoshi Sayaka Sayuri Seiji Shigeru Shinichi Shinji Shiori Shizuka Shota Shun Sota Souta Susumu Tadashi
    Takahiro Takako Takao Takashi Takayuki Takeo Takeshi Takumi Tamiko Taro Tatsuya Tetsuo Tetsuya Tomoko Tomomi
    Tomoya Toru Toshiko Toshio Tsubasa Tsuyoshi Wataru Yasuko Yasuo Yoko Yoichi Yoshiko Yoshio Yosuke Yui Yuichi
    Yuji Yuka Yukari Yuki Yukiko Yukio Yuko Yumi Yumiko Yusuke Yuta Yuto Yutaka Chaoxiang Haoran Jianguo Jianhua
    Jiaming Jiayi Jingyi Lihua Meiling Mingze Ming Qiang Ruoxi Shanshan Weiwei Xia Xiaohong Xiaojun Xiaoli
    Xiaolong Xiaoming Xiaoyan Xiaoyu Xinyi Xiuying Xueqin Yanan Yifan Yifei Ying Yingying Yuanyuan Yuchen Yun
    Yuting Yuxuan Zhen Zhihao Zhiming Zihan Zixuan Ziyi Zhiyuan Bae Cho Choi Eun-ji Hae-won Hye-jin Hyun-woo
    Ji-eun Ji-hoon Ji-hye Ji-won Ji-woo Jin-woo Joon-ho Jun-seo Kim Mi-kyung Min-jae Min-ji Min-jun Min-seo
    Sang-hoon Seo-jun Seo-yeon Seo-yun Seung-hyun Soo-jin So-yeon Sung-min Woo-jin Yeong-ho Young-hee Young-soo
    Yoon Yu-na Jihoon Jiwoo Jiyoung Minjun Minji Seojun Seoyeon Hyejin Eunji Soyeon Sungmin Nguyen Nguyễn Tran
    Trần Pham Phạm Hoang Hoàng Huynh Huỳnh Vũ Võ Đặng Bùi Ngô Dương Lê Phan Trinh Trịnh Đinh Đỗ Aditya Agung
    Agus Ahmad Andi Aulia Ayu Bambang Budi Citra Dewi Dian Dwi Eko Fitri Gunawan Hendra Indah Joko Kartika Ketut
    Lestari Megawati Nyoman Putri Putu Rini Rizky Siti Slamet Sukarno Suharto Suparman Susanto Wayan Widodo
    Wahyu Yanti Yohanes Yuni Amirul Aminah Azizah Farhana Hafiz Izzati Nurul Rosnah Zulkifli Siew Mei Anong
    Apinya Kanya Kittisak Malee Naree Niran Nattapong Ploy Prasert Sombat Somchai Somsak Sukanya Supaporn Wichai
    Angelica Bayani Corazon Danilo Divina Jejomar Jomar Ligaya Maricel Marites Rommel Rodel Rosalinda Abena
    Abebe Abiodun Abiola Achieng Adaeze Adaora Ade Adebayo Adewale Adeola Adjoa Afia Afua Akinyi Akosua Akua
    Alemayehu Almaz Ama Amadou Amara Aminata Ayodele Babatunde Bongani Chiamaka Chidi Chidinma Chika Chimamanda
    Chinedu Chinwe Chioma Chukwuemeka Dawit Ebele Efua Emeka Esi Fatou Fatoumata Folake Funmilayo Getachew Haile
    Ibrahima Ifeoma Ifeanyi Ikechukwu Jelani Jomo Kagiso Kamau Kofi Kojo Kwabena Kwaku Kwame Kwasi Lerato
    Lindiwe Mamadou Mandla Mbali Mekonnen Moussa Mulugeta Naledi Ndidi Ngozi Njeri Nkechi Nkosana Nnamdi Nomsa
    Nomvula Ntombi Nwanneka Obinna Ochieng Odhiambo Ogechi Okechukwu Oluwaseun Oluwole Olumide Oumar Ousmane
    Sekou Selassie Sibusiso Sipho Siphiwe Tendai Thabo Thandiwe Themba Tigist Tumelo Uche Wambui Wangari Wanjiku
    Wanjiru Yaa Yohannes Zanele Zodwa Zola Aroha Hemi Hine Kahu Kiri Manaia Moana Nikau Rangi Tane Wiremu
    Leilani Kalani Keoni Mele Sione Tevita Citlali Cuauhtémoc Itzel Xóchitl Yatziri Yamileth Dayana Yesenia Jhon
    Yeison Wilmer Milagros Nayeli Sulistyowati Iskandar Rosmah Faizal Hafizah Khairul Nurhaliza Shahrul Syafiq
    Zainal Zulaikha Hardjono Kusuma Hartono Ratna Retno Rahayu Sutrisno Supriyadi Wulandari Yulianti Thị Văn
     Ngọc Thanh Tuấn Hùng Hương Hạnh Linh Minh Phương Quang Quỳnh Thảo Thắng Tuyết Vân Xuân Adwoa Akwasi
    Araba Ato Baaba Maame Nii Oheneba Serwaa Yaw Abimbola Adaobi Adedayo Adekunle Ademola Adesua Amaka
    Anuoluwapo Ayo Ayomide Bolanle Bukola Bukunmi Chibuike Chibuzo Chidiebere Chigozie Chinonso Chukwudi
    Damilola Ebuka Ekene Femi Folashade Gbenga Ikenna Ifunanya Kehinde Kelechi Kunle Modupe Nkem Nneka Nonso
    Olufemi Olajide Oluchi Omolara Onyeka Osaze Segun Simisola Taiwo Temitope Titilayo Tobechukwu Tochukwu
    Tolulope Tope Tunde Uchenna Ugochukwu Yemi Yetunde Yewande Atieno Awuor Chebet Chepkoech Cheruiyot Jepkosgei
    Kiprop Kipchoge Kiptoo Kipkemboi Mutua Mwangi Mwende Njoroge Njuguna Nyambura Odongo Okello Okoth Omondi
    Onyango Otieno Owuor Wafula Wairimu Wanyama Waweru Akello Apio Babirye Mugisha Nakato Nantongo Okot
    Ssemakula Wasswa Habimana Mukamana Niyonzima Uwase Uwimana Tariro Tatenda Tinashe Rudo Farai Chipo Nyasha
    Kudzai Thulani Bheki Lungile Mpho Nomthandazo Palesa Refilwe Sizwe Tebogo Thato Tshepo Vusi Xolani Zandile
    Bereket Eyerusalem Kidane Selam Tewodros Yared Aissatou Cheikh Demba Ibou Khady Mariama Modou Ndeye Oumou
    Penda Sadio Salif Seydou
"""
_IN_OTHER_LETTERS = """
    Александр Алексей Алёна Алина Анастасия Анатолий Андрей Анна Антон Артём Артем Борис Вадим Валентина Валерий
    Варвара Василий Вера Вероника Виктор Виктория Виталий Владимир Владислав Вячеслав Галина Геннадий Георгий
    Григорий Дарья Денис Дмитрий Евгений Евгения Егор Екатерина Елена Елизавета Зинаида Иван Игорь Илья Инна
    Ирина Кирилл Константин Ксения Лариса Леонид Людмила Маргарита Марина Мария Михаил Надежда Наталия Наталья
    Никита Николай Нина Оксана Олег Ольга Павел Пётр Полина Руслан Светлана Сергей София Станислав Степан Тамара
    Татьяна Тимур Ульяна Фёдор Юлия Юрий Яна Ярослав Андрій Дмитро Ігор Ірина Катерина Микола Михайло Наталія
    Олександр Олександра Олена Петро Сергій Тарас Юлія Георги Димитър Иванка Йордан Красимир Мирослав Стефан
    Тодор Христо Цветан Александар Бранко Драган Душан Зоран Јелена Јован Милан Милица Немања Никола Петар
    Снежана Αθανάσιος Αλέξανδρος Αναστασία Ανδρέας Άννα Αντώνης Βασίλης Βασιλική Γεώργιος Γιάννης Γιώργος
    Δήμητρα Δημήτρης Ειρήνη Ελένη Ευάγγελος Ιωάννα Ιωάννης Κατερίνα Κωνσταντίνος Κώστας Μαρία Νικόλαος Νίκος
    Παναγιώτης Σοφία Σπύρος Χρήστος Аксинья Цветелина Алевтина Антонина Арина Аркадий Богдан Валерия Вениамин
    Всеволод Глеб Диана Евдокия Ефим Жанна Захар Зоя Игнат Иннокентий Кира Клавдия Лев Леонтий Лидия Лилия Макар
    Марат Матвей Милана Мирон Нелли Пелагея Платон Раиса Римма Родион Ростислав Савелий Серафима Тимофей Эдуард
    Эльвира Эмма Юлиана Ярослава Василь Володимир Григорій Євген Євгенія Інна Леся Марія Надія Наталка Орест
    Павло Світлана Соломія Тетяна Юрій Ярина Васил Величка Веселин Генчо Гергана Десислава Живко Ивайло Калина
    Кирил Людмил Пламен Радка Росица Румен Силвия Стоян Тодорка Бојан Владан Горан Дејан Драгана Ђорђе Жарко
    Зорица Катарина Лазар Марко Маја Мирјана Ненад Саша Слободан Срђан Тијана Ευανθία Αγγελική Αικατερίνη
    Αλέξανδρα Αναστάσιος Αντώνιος Απόστολος Αριστείδης Βάσω Γεωργία Γρηγόρης Δέσποινα Δημήτριος Διονύσης
    Ελευθερία Εμμανουήλ Ευαγγελία Ευτυχία Ζωή Ηλίας Θανάσης Θεόδωρος Θωμάς Καλλιόπη Κυριακή Κυριάκος Λάμπρος
    Λεωνίδας Μαρίνα Μιχάλης Μιχαήλ Νικολέτα Ξένια Όλγα Παρασκευή Παύλος Πέτρος Σταμάτης Σταύρος Στέλιος Στέφανος
    Σωτήρης Τάσος Φωτεινή Χαράλαμπος Χριστίνα
"""
_ORIGINS = {
    "english": _ENGLISH,
    "germanic": _GERMANIC,
    "romance": _FRENCH_AND_IBERIAN,
    "italian": _ITALIAN_AND_ROMANIAN,
    "slavic": _SLAVIC,
    "eastern": _EASTERN,
    "farther": _FARTHER,
    "in-other-letters": _IN_OTHER_LETTERS,
}
_PLAIN = str.maketrans("łŁøØđĐıİ", "lLoOdDiI")
SHORTEST_PLAIN = 4
"""Letters of a name that is known without its accents, too: `Per` and `Can` are words."""


def _plain(name: str) -> str:
    """As it is written where there are no accents."""
    apart = unicodedata.normalize("NFKD", name.translate(_PLAIN))
    return "".join(letter for letter in apart if not unicodedata.combining(letter))


def _spellings(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        yield name
        if name[0] < "Ͱ" and len(name) >= SHORTEST_PLAIN:
            yield _plain(name)


def _by_origin() -> Iterator[tuple[str, list[str]]]:
    """No name has more than one."""
    known: set[str] = set()
    for origin, listed in _ORIGINS.items():
        names = set(_spellings(listed.split())) - known
        known |= names
        yield origin, sorted(names)


GIVEN = dict(_by_origin())
"""By where they come from: all in one pattern would have too many states."""
